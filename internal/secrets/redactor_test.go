package secrets_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/secrets"
	"github.com/everhook/everhook/internal/secrets/secretstest"
)

func TestASecretIsFoundInEveryForm(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{
		"sk/live+abc=", "p@ss w/\"ö+d?~é", "hunter2-hunter2", `back\slash&amp<tag>'"`, "%2F%25+&#x2B;", "𝄞clef/𝄞",
		"nabc+tuv", "2Bffffff", "aGVsbG8gd29ybGQ=", "deadbeef00",
	} {
		r := provider(t, "", "EVERHOOK_SECRET_PW="+secret).Redactor()
		for name, form := range secretstest.Forms(secret) {
			for _, around := range [][2]string{{"", ""}, {"<", ">"}, {`"`, `"`}, {"x=", "&y=1"}, {`\`, "41"},
				{"%", ";"},
				{"é ", " 𝄞"}} {
				got := r.Text(around[0] + form + around[1])
				require.Contains(t, got, "[secret PW]", "%q as %s: %q", secret, name, around[0]+form+around[1])
				if len(form) > 16 {
					require.NotContains(t, got, form[4:len(form)-4], "%q as %s", secret, name)
				}
			}
		}
	}
}

func TestTextWithoutASecretStays(t *testing.T) {
	t.Parallel()
	r := provider(t, "", "EVERHOOK_SECRET_PW=sk/live+abc=", "EVERHOOK_SECRET_N=12345678").Redactor()
	for _, text := range []string{
		"", "a", "sk/live+abc", "sk live abc=", "SK/LIVE+ABC=", "sk%2flive", `\`, "%", "&", "%2", `\u`, `\u{`, "&#",
		"&;",
		"100% of &amp; \\n \\u00e9 a+b", strings.Repeat("%25", 100), strings.Repeat(`\`, 100),
		strings.Repeat("&amp;", 100),
		strings.Repeat("&", 100), base64.StdEncoding.EncodeToString([]byte(strings.Repeat("none of it ", 50))),
		`\ud83d`, `\ud83dx`, `\ud83d\u0041`, "&#xfffffff;", "&#99999999;", "1234567", "\xff\xfe\x00",
	} {
		require.Equal(t, text, r.Text(text))
	}
}

func TestAShortSecretIsFoundAsItIsAndTold(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	p, err := secrets.New(secrets.Options{Logger: slog.New(slog.NewTextHandler(&log, nil)), Environ: []string{
		"EVERHOOK_SECRET_SEVEN=seven/7", "EVERHOOK_SECRET_EIGHT=eight/88", "EVERHOOK_SECRET_THREE=abc"}})
	require.NoError(t, err)
	require.Equal(t, "[secret SEVEN] seven%2F7 [secret EIGHT] [secret EIGHT] abc",
		p.Redactor().Text("seven/7 seven%2F7 eight/88 eight%2F88 abc"))
	p.Redactor()
	require.Equal(t, 1, strings.Count(log.String(), "redacted where it is encoded"))
	require.Equal(t, 1, strings.Count(log.String(), "too short to be redacted;"))
	require.Contains(t, log.String(), "SEVEN")
	require.NotContains(t, log.String(), "seven/7")
}

func TestALearnedTokenIsRedacted(t *testing.T) {
	t.Parallel()
	p := provider(t, "", "EVERHOOK_SECRET_CLIENT=client-secret")
	p.Redactor()
	p.Learn("CLIENT", "fetched/token")
	require.Equal(t, "[secret CLIENT] [secret CLIENT]", p.Redactor().Text("client-secret fetched%2Ftoken"))
}

func TestTheRedactorForgetsOldValues(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := provider(t, dir)
	rotate(t, p, dir, 200)
	require.Equal(t, "[secret TOKEN] [secret TOKEN] value-number-1",
		p.Redactor().Text("value-number-199 value-number-150 "+
			"value-number-1"))
}

func rotate(t testing.TB, p *secrets.Provider, dir string, times int) {
	t.Helper()
	for i := range times {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "TOKEN"), fmt.Appendf(nil, "value-number-%d", i), 0o600))
		_, err := p.Lookup("TOKEN")
		require.NoError(t, err)
	}
}

// BenchmarkRedactorOfARequest is what one request with basic authentication costs after many rotations.
func BenchmarkRedactorOfARequest(b *testing.B) {
	dir := b.TempDir()
	p, err := secrets.New(secrets.Options{Dir: dir})
	require.NoError(b, err)
	rotate(b, p, dir, 1111)
	for b.Loop() {
		r := p.Redactor().With("TOKEN", "dXNlcjp2YWx1ZS1udW1iZXI=")
		if r.Text(`{"echo":"dXNlcjp2YWx1ZS1udW1iZXI="}`) != `{"echo":"[secret TOKEN]"}` {
			b.Fatal("not found")
		}
	}
}

func BenchmarkText(b *testing.B) {
	environ := make([]string, 50)
	for i := range environ {
		environ[i] = fmt.Sprintf("EVERHOOK_SECRET_S%d=%d-a-secret-of-some-length-%d", i, i*7919, i)
	}
	p, err := secrets.New(secrets.Options{Environ: environ})
	require.NoError(b, err)
	for name, text := range map[string]string{
		"JSON":   strings.Repeat(`{"id":"ord_1","note":"a \"quoted\" word & more, 100% \u00e9","total":12.5},`, 14000),
		"base64": strings.Repeat("QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo0", 29000),
		"worst":  strings.Repeat("%25", 349525),
	} {
		b.Run(name, func(b *testing.B) {
			r := p.Redactor()
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				r.Text(text)
			}
		})
	}
}
