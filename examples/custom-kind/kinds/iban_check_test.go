package kinds

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnAccountNumberIsCheckedByItsDigits(t *testing.T) {
	t.Parallel()
	for iban, reason := range map[string]string{
		"DE89370400440532013000":              "",
		"gb33 bukb 2020 1555 5555 55":         "",
		"MT84MALT011000012345MTLCAST001S":     "",
		"NO9386011117947":                     "",
		"DE88370400440532013000":              "its check digits do not fit",
		"":                                    "it has not 15 to 34 characters",
		"DE893704004405320130001234567890123": "it has not 15 to 34 characters",
		"1189370400440532013000":              "it is not two letters, two digits, and letters and digits",
		"DEX9370400440532013000":              "it is not two letters, two digits, and letters and digits",
		"DE89-3704-0044-0532-0130":            "it is not two letters, two digits, and letters and digits",
		"DE8937040044053201300é":              "it is not two letters, two digits, and letters and digits",
	} {
		require.Equal(t, reason, check(iban, nil).reason, iban)
	}
	require.Equal(t, "accounts in DE are not taken", check("DE89370400440532013000", []string{"AT"}).reason)
	require.Empty(t, check("DE89370400440532013000", []string{"AT", "DE"}).reason)
}
