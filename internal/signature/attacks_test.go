package signature_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/signature"
)

// amazon signs a text as Amazon SNS does, for the topics of everyone.
func amazon(t *testing.T, text string) string {
	t.Helper()
	der, err := base64.StdEncoding.DecodeString(privateRSA)
	require.NoError(t, err)
	private, err := x509.ParsePKCS8PrivateKey(der)
	require.NoError(t, err)
	digest := sha256.Sum256([]byte(text))
	sum, err := rsa.SignPKCS1v15(nil, private.(*rsa.PrivateKey), crypto.SHA256, digest[:])
	require.NoError(t, err)
	return base64.StdEncoding.EncodeToString(sum)
}

func snsBody(t *testing.T, fields map[string]any) []byte {
	t.Helper()
	body, err := everhook.EncodeJSON(fields)
	require.NoError(t, err)
	return body
}

// TestLinesOfAnotherTopicAreNotTaken: an attacker publishes, to the attacker's topic, a message that contains the lines
// of a message of another topic.
func TestLinesOfAnotherTopicAreNotTaken(t *testing.T) {
	t.Parallel()
	sns := find(t, "aws-sns")
	verify := func(fields map[string]any) error {
		return sns.Verify(message(http.Header{"Content-Type": {"text/plain"}}, snsBody(t, fields)), []string{publicRSA})
	}
	const real = "MessageId\nreal\nTimestamp\n2026-03-06T19:53:21.424Z\nTopicArn\nown\nType\nNotification\n"
	own := map[string]any{"Message": "hi\nthere", "MessageId": "real", "Timestamp": "2026-03-06T19:53:21.424Z",
		"TopicArn": "own", "Type": "Notification", "Signature": amazon(t, "Message\nhi\nthere\n"+real)}
	require.NoError(t, verify(own), "a message may have lines")

	const inside = "hi\nMessageId\n1\nTimestamp\n2026-03-06T19:53:21.424Z\nTopicArn\nvictim\nType\nX"
	forged := map[string]any{"Message": "hi", "MessageId": "1", "Timestamp": "2026-03-06T19:53:21.424Z",
		"TopicArn": "victim", "Type": "X\n" + strings.TrimSuffix(real, "\n"),
		"Signature": amazon(t, "Message\n"+inside+"\n"+real)}
	require.Equal(t, signature.Malformed, verify(forged))
}

// TestABodyIsNotSignedAsAForm: a body that is a form with a signature, and JSON with other values, is read as JSON.
func TestABodyIsNotSignedAsAForm(t *testing.T) {
	t.Parallel()
	sns := find(t, "aws-sns")
	form := url.Values{"Message": {"hi"}, "MessageId": {"1"}, "Timestamp": {"2026-03-06T19:53:21.424Z"},
		"TopicArn": {"own"}, "Type": {"Notification"}, "Signature": {amazon(t, "Message\nhi\nMessageId\n1\nTimestamp\n"+
			"2026-03-06T19:53:21.424Z\nTopicArn\nown\nType\nNotification\n")}}.Encode()
	body := []byte(`{"x":"&` + form + `&","TopicArn":"victim","Message":"forged"}`)
	_, err := everhook.ParseJSON(body)
	require.NoError(t, err)
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	require.Equal(t, signature.Missing, sns.Verify(message(header, body), []string{publicRSA}))
}

// TestFieldsDoNotHoldTheirSeparator: a signature does not fit another cut of the same text.
func TestFieldsDoNotHoldTheirSeparator(t *testing.T) {
	t.Parallel()
	scheme := generic(t, signature.Scheme{Signature: signature.Place{Header: "X-Sig"},
		Methods: []signature.Method{{Algorithm: signature.SHA256, Encoding: signature.Hex}}},
		"{header:X-Topic}.{body:a}:{text:b}:{body:c}")
	signed, err := scheme.Sign(signature.Delivery{Body: []byte(`{"a":"1","b":"2:3","c":"4"}`),
		Header: http.Header{"X-Topic": {"t"}}.Values}, "s")
	require.NoError(t, err)
	verify := func(topic, body string) error {
		header := headerOf(signed.Headers)
		header.Set("X-Topic", topic)
		return scheme.Verify(message(header, []byte(body)), []string{"s"})
	}
	require.NoError(t, verify("t", `{"a":"1","b":"2:3","c":"4"}`))
	require.NoError(t, verify("t", `{"a":1,"b":"2:3","c":4,"d":5}`), "numbers are signed as text, other fields are not")
	for _, body := range []string{`{"a":"1:2","b":"3","c":"4"}`, `{"a":"1","b":"2","c":"3:4"}`} {
		require.Equal(t, signature.Malformed, verify("t", body), body)
	}
	require.Equal(t, signature.Malformed, verify("t.1:2", `{"a":"","b":"3","c":"4"}`))

	form := func(body string) error {
		header := headerOf(signed.Headers)
		header.Set("X-Topic", "t")
		header.Set("Content-Type", "application/x-www-form-urlencoded")
		return scheme.Verify(message(header, []byte(body)), []string{"s"})
	}
	require.NoError(t, form("a=1&b=2:3&c=4"))
	require.Equal(t, signature.Malformed, form("a=1&a=9&b=2:3&c=4"), "a field twice")
	require.Equal(t, signature.Malformed, form("a=1&b=2:3&c=4&c[x]=9"), "a field below a field")

	_, err = signature.ParseTemplate("{text:a}:{text:b}")
	require.ErrorContains(t, err, "stands twice")
}
