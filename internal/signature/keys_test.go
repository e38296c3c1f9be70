package signature_test

import (
	"encoding/base64"
	"encoding/pem"
	"testing"

	"github.com/stretchr/testify/require"
)

// Keys that were made for these tests, as base64 of DER. rawECDSA is a signature of "x" as two numbers.
const (
	anotherECDSA = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEwg1COHcgq/7LK0LTmSHD3xtjjimZfuHRhuX4DP8cGHTONbMQUGZc/K/nT+GE" +
		"q988Z/8GYGDFUFR1lI4NiX0Gjg=="
	anotherRSA = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAzS8caciN8ZoZDcOyV984jOhCqe2RHI42YGiWwKk2KpzwEKP9FMPg" +
		"huSz2Jjhev6qGuoO09fc/Mb1/jWJCQeMzVZFy6JhWU3snwUtGIpTyGECxH/5u+i5iZWNHugE4MzBoAM8Jr3Xp6yKfzk3LyqI" +
		"rccSPVSsE7creOC2ct/MNSDuvyHSyOtchS+nPp+YnaN63mCGSfGZgAnHraouk3AlF8JUutSMU14SjL5V82lf0lDdVevQO+l1" +
		"XZ9xxx/S6kM7lgeuiGtWa8AC9i9iebESTeHjakiN/TJC3kjnVpT7uCWPTds+sDLUvpDgeqaiNHg8mePBgwOcyNW2xBRtgwBx" +
		"gQIDAQAB"
	publicP384 = "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEm9+oKB3HVakACF2NIutKfUG6B1UMN4FVR+PElsh9V+/+6kg2/J8n2dg9HQWhwbXq" +
		"OTfUxiAhZBZCAL1MM9yRaW5zQzduUUlV5TH9gy7vr4ZTYFvm0xpvJdp4CPWNEw+m"
	privateEd25519 = "303132333435363738396162636465663031323334353637383961626364656623bc54912c1e6e92c4a86825c867e27f" +
		"fdc555bffbd4244f17a26abfffee965d"
	publicEd25519 = "23bc54912c1e6e92c4a86825c867e27ffdc555bffbd4244f17a26abfffee965d"
	publicECDSA   = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEnA89ZQTIgrt0MEsgXPRnFJhSsRk4aefhRBElze5AJl8vfpsprrS+OkGMDwn4" +
		"m7ibDu724GdKv8YbjPpGUrNsHQ=="
	privateECDSA = "MHcCAQEEIL7KAeLY0CcE/3soyuoNICGB7C8h07XXeb0zmkxhSdpeoAoGCCqGSM49AwEHoUQDQgAEnA89ZQTIgrt0MEsgXPRn" +
		"FJhSsRk4aefhRBElze5AJl8vfpsprrS+OkGMDwn4m7ibDu724GdKv8YbjPpGUrNsHQ=="
	publicRSA = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA033Js5NCRcPn0bElsz6VN2vvCBlDUB8J3jbuZflIqre9W2iRdnEJ" +
		"NzZuatP9flaniy4Vn5YMNVDagHaHDAuWsgu0l+7o9zN1eMwNIMtibO4wagSv6NKJcksEhJim7Mi5MBgu0Tsus9ixmNrl1HaW" +
		"M2/mXkVhUFFI2mtYwF0QbOFmqlkOxrxhmVCjTlEg+UglMRwtLnAWg0nUIpaTlbLfSMB2gGMIkqDv+R1VAPB3b8VgVP8VoZdd" +
		"9ULbXKnHeagmRwwm8wRH5XCt4zl1PG0XGbO7vbJwSTBJM8OdSNGQW1T5QTC8G7OfWG3cERPvAHDUZH5FE9lTDFS/SoRANrtq" +
		"EQIDAQAB"
	privateRSA = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDTfcmzk0JFw+fRsSWzPpU3a+8IGUNQHwneNu5l+Uiqt71b" +
		"aJF2cQk3Nm5q0/1+VqeLLhWflgw1UNqAdocMC5ayC7SX7uj3M3V4zA0gy2Js7jBqBK/o0olySwSEmKbsyLkwGC7ROy6z2LGY" +
		"2uXUdpYzb+ZeRWFQUUjaa1jAXRBs4WaqWQ7GvGGZUKNOUSD5SCUxHC0ucBaDSdQilpOVst9IwHaAYwiSoO/5HVUA8HdvxWBU" +
		"/xWhl131Qttcqcd5qCZHDCbzBEflcK3jOXU8bRcZs7u9snBJMEkzw51I0ZBbVPlBMLwbs59YbdwRE+8AcNRkfkUT2VMMVL9K" +
		"hEA2u2oRAgMBAAECggEAHJRxZG4FqliIru1J00jQG1bfohrf3ieY9XQ7j9Y50VrWdlAm5XhDBDi71SiOp2WzFdDaz9++s0Ru" +
		"MqanJfk5mm07ML5IBy08tl/vdOYR3UyW3aItL2umx/uGlxtAkNuoguz8WVQDwf603pt+LCcBBzRw+ikADJLfeHzB1++mSkAw" +
		"acScvS1IlXLBJbN1kYwf4bE4kWlNdQn38kbUwaZ9WizbC/nN0d6FaCCDA4ImWT/Rs8oWfBV8o86NkRuH/IiHq0LBzN7wd3pR" +
		"8uvd+AvWs8TnQYBIlSCIsKfbdtZhgC7SIWcbS3n1ckR8QpCkFDHC1AgJDf1z/O2XquDSyNp+HQKBgQD8aSsrbE4+5BgtzaDF" +
		"LUB/jGhm4Q8o7HMpH4s5k3CS5z4ReLGuqPqACrXfSx0Frp8YGCe7WaHEOOEeIS3C7wsH4M4XSUawjMZ/LjV0r5gfC4C9JzV7" +
		"/Kwm/OFmdyIi2P9gsfUVrr6fW2SarIQQpeYilaFyAMdNZ06Ncmc7zpYG4wKBgQDWf6nSYcgCxlA7Nx2WCFEuSWUw+b0JHfOX" +
		"9LG2qshfkw7BT+TxyLAGqBkIvAuuFrmvKdsrgaWMhHP3zjK6oJYn/heHJEorgXn0gznMlHMIlOl1DTo6PT2oI7GP5YJwwln/" +
		"9X6/1hcItiHM8HMx0b6b3Wf8CIsqzALVg89FKlFpewKBgQDTocY9WUjduFeBh+hlioSKrQoYQFl6oY4JC9arBrEbquFCuuSX" +
		"ojyuQMyvFQaXbgsco5wknIliwaIWphD9YXnpOBb0NU8c1lvT5MWTOWsdlIJzlj1k4Lziz6KZTAgGGdU9mNf6PxK7AGEAwubU" +
		"IpUrqDO+J2Lzxkt5k1N1NMhbqwKBgF6eD94yrdSzf/6u8EkXQCAn1hBFiaJ06NgV4zKNoTevmemiAX66JRO6oNhegtR3R89B" +
		"qmFFni4e2zzrYys53SKlDeHaGzGXuqEmJZ/dt+SIM3cjr5SzIPiDTjcIaYKt6J9kvlWG7cA0/zH0uwu11tvQTac6aZEmTvW6" +
		"X/rFkQXzAoGAGqMbWWhcWhPaD4G49mrrwkGAZisl084eouHEVp1+EOzfLm4W8acKRqXh9c/7Z/yfgsDd09jY9/dAfxzNBX10" +
		"7Cwz5fV28PhwvM+VquTbj7YdnXRiSKke4hzAe+Wy51MKqQpGFabcFbHXpDvkcuBg9pK9BpAH5JL6O7OVNX4t5mo="
	rawECDSA = "03a5e0f48224a314b966173398b610b18245f8171f0dece778de5d5e485e24dfa89eaff83e2050775d2249db5ec46da7" +
		"55b71b137801fc5480fbdc693f43224a"
)

func pemOf(t testing.TB, key, kind string) string {
	t.Helper()
	der, err := base64.StdEncoding.DecodeString(key)
	require.NoError(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}
