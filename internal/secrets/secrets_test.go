package secrets_test

import (
	"encoding/base64"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/secrets"
)

func provider(t *testing.T, dir string, environ ...string) *secrets.Provider {
	t.Helper()
	p, err := secrets.New(secrets.Options{Dir: dir, Environ: environ})
	require.NoError(t, err)
	return p
}

func write(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}

func TestASecretComesFromAVariable(t *testing.T) {
	t.Parallel()
	p := provider(t, "", "EVERHOOK_SECRET_TOKEN=a=b", "EVERHOOK_SECRET_TWICE=1111", "EVERHOOK_SECRET_TWICE=2222",
		"EVERHOOK_SECRET_EMPTY=", "EVERHOOK_ENV_REGION=eu", "EVERHOOK_ENV_1=x", "PATH=/bin")
	value, err := p.Lookup("TOKEN")
	require.NoError(t, err)
	require.Equal(t, "a=b", value)
	value, err = p.Lookup("TWICE")
	require.NoError(t, err)
	require.Equal(t, "2222", value)
	for _, name := range []string{"EMPTY", "UNSET"} {
		_, err = p.Lookup(name)
		require.EqualError(t, err, "the secret "+name+" is not set or empty; set the variable EVERHOOK_SECRET_"+name)
	}
	require.Equal(t, map[string]string{"REGION": "eu"}, p.Env())
}

func TestASecretComesFromAFileAndAChangedOneIsPickedUp(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := provider(t, dir, "EVERHOOK_SECRET_TOKEN=variable", "EVERHOOK_SECRET_OTHER=other-value")
	path := filepath.Join(dir, "TOKEN")
	for file, want := range map[string]string{"first\n": "first", "second\r\n": "second", " third \n\n": " third \n",
		"fourth": "fourth"} {
		write(t, path, file)
		value, err := p.Lookup("TOKEN")
		require.NoError(t, err)
		require.Equal(t, want, value)
	}
	value, err := p.Lookup("OTHER")
	require.NoError(t, err)
	require.Equal(t, "other-value", value)
	require.Equal(t, "[secret TOKEN] [secret TOKEN]", p.Redactor().Text("second fourth"),
		"values that were given out stay secret")
}

func TestASwappedLinkChangesTheSecret(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, version := range []string{"..1", "..2"} {
		require.NoError(t, os.Mkdir(filepath.Join(dir, version), 0o700))
		write(t, filepath.Join(dir, version, "TOKEN"), "version"+version)
	}
	data := filepath.Join(dir, "..data")
	require.NoError(t, os.Symlink("..1", data))
	require.NoError(t, os.Symlink(filepath.Join("..data", "TOKEN"), filepath.Join(dir, "TOKEN")))
	p := provider(t, dir)
	value, err := p.Lookup("TOKEN")
	require.NoError(t, err)
	require.Equal(t, "version..1", value)

	require.NoError(t, os.Symlink("..2", data+"_tmp"))
	require.NoError(t, os.Rename(data+"_tmp", data))
	value, err = p.Lookup("TOKEN")
	require.NoError(t, err)
	require.Equal(t, "version..2", value)
}

func TestWhatCannotBeASecretIsRefusedWithoutItsValue(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "BIG"), strings.Repeat("x", secrets.MaxSize+1))
	write(t, filepath.Join(dir, "FITS"), strings.Repeat("x", secrets.MaxSize)+"\r\n")
	write(t, filepath.Join(dir, "BINARY"), "abc\xff")
	require.NoError(t, os.Mkdir(filepath.Join(dir, "FOLDER"), 0o700))
	p := provider(t, dir)
	for name, want := range map[string]string{
		"BIG": "larger than 65536 bytes", "BINARY": "not text", "FOLDER": "is not a file",
		"UNSET":         "or write the file UNSET",
		"../etc/passwd": "is not a name", "a": "is not a name", "": "is not a name", "A/B": "is not a name",
		"..": "is not a name", "A\n": "is not a name", "1A": "is not a name",
	} {
		_, err := p.Lookup(name)
		require.ErrorContains(t, err, want, name)
		require.NotContains(t, err.Error(), "abc")
	}
	_, err := p.Lookup("FITS")
	require.NoError(t, err)
}

func TestTheDirectoryMustBeOne(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "")
	for _, dir := range []string{file, file + "-missing"} {
		_, err := secrets.New(secrets.Options{Dir: dir})
		require.ErrorContains(t, err, "the directory of secrets")
	}
}

func TestARedactorTakesOutValuesThatNobodyLookedUp(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "FILE"), "from-the-file\n")
	p := provider(t, dir, "EVERHOOK_SECRET_VARIABLE=from-the-variable")
	require.Equal(t, "[secret FILE], [secret VARIABLE]", p.Redactor().Text("from-the-file, from-the-variable"))
	require.Same(t, p.Redactor(), p.Redactor(), "it is made once")
}

func TestARedactorReplacesTheWholeOfAnEncodedSecret(t *testing.T) {
	t.Parallel()
	const secret = "p@ss w/\"ö+d?~é"
	r := provider(t, "", "EVERHOOK_SECRET_PW="+secret).Redactor()
	for name, text := range map[string]string{
		"as it is":                         secret,
		"base64":                           base64.StdEncoding.EncodeToString([]byte(secret)),
		"base64 without padding":           base64.RawStdEncoding.EncodeToString([]byte(secret)),
		"base64 for URLs":                  base64.URLEncoding.EncodeToString([]byte(secret)),
		"base64 for URLs, without padding": base64.RawURLEncoding.EncodeToString([]byte(secret)),
		"base64, escaped":                  url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(secret))),
		"in a query":                       url.QueryEscape(secret),
		"in a query, lower case":           strings.ToLower(url.QueryEscape(secret)),
		"in a path":                        url.PathEscape(secret),
		"all escaped":                      strings.ReplaceAll(url.QueryEscape(secret), "+", "%20"),
		"in JSON":                          `p@ss w/\"ö+d?~é`,
	} {
		require.Equal(t, "<[secret PW]>", r.Text("<"+text+">"), name)
	}
}

func TestARedactorFindsASecretInTheMiddleOfBase64(t *testing.T) {
	t.Parallel()
	r := provider(t, "", "EVERHOOK_SECRET_PW=hunter2-hunter2").Redactor()
	for _, before := range []string{"", "u", "us", "use", "user:"} {
		for _, behind := range []string{"", "x", "xy", "xyz"} {
			text := base64.StdEncoding.EncodeToString([]byte(before + "hunter2-hunter2" + behind))
			require.Contains(t, r.Text(text), "[secret PW]", "%q %q", before, behind)
		}
	}
}

func TestARedactorWorksOnValues(t *testing.T) {
	t.Parallel()
	r := provider(t, "", "EVERHOOK_SECRET_A=alpha", "EVERHOOK_SECRET_AB=alphabet", "EVERHOOK_SECRET_PIN=12345",
		"EVERHOOK_SECRET_SHORT=abc").Redactor()
	in := map[string]any{"alpha": []any{"alphabet soup", 12345, 99123456, 1.5, nil, true}, "abc": "abc"}
	require.Equal(t, map[string]any{
		"[secret A]": []any{"[secret AB] soup", "[secret PIN]", "99[secret PIN]6", 1.5, nil, true}, "abc": "abc",
	}, r.Value(in))
	require.Contains(t, in, "alpha", "the value itself is shared and stays as it is")

	require.Equal(t, "[secret X]", r.With("X", "composed").Text("composed"))
	require.Equal(t, "composed", r.Text("composed"))

	empty := provider(t, "").Redactor()
	require.Equal(t, in, empty.Value(in))
	require.Equal(t, "text", empty.Text("text"))
}

func TestDotEnvIsRead(t *testing.T) {
	t.Parallel()
	got, err := secrets.ParseDotEnv("\ufeff# a comment\r\n" +
		"PLAIN=a b # comment\r\n\n  export  SPACED = value  \nHASH=#1#2\nEMPTY=\nCOMMENT= # only\nDOLLAR=$PLAIN\n" +
		"SINGLE='a # \"b\" \\n' # comment\nDOUBLE=\"a\\n\\\"b\\\" \\\\ " +
		"\\$x\"\nPEM=\"-----BEGIN\nline\n-----END\"\nLAST='multi\nline'")
	require.NoError(t, err)
	require.Equal(t, []string{
		"PLAIN=a b", "SPACED=value", "HASH=#1#2", "EMPTY=", "COMMENT=", "DOLLAR=$PLAIN",
		`SINGLE=a # "b" \n`, "DOUBLE=a\n\"b\" \\ $x", "PEM=-----BEGIN\nline\n-----END", "LAST=multi\nline",
	}, got)
}

func TestDotEnvErrorsNameTheLineAndNotTheValue(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"A=1\nhidden":         "line 2: no =",
		"hid den=1":           "line 1: the text before = is not a name",
		"A='a\nb'\nB='hidden": "line 3: the closing '",
		"A=\"hidden":          `line 1: the closing "`,
		`A="hidden\q"`:        `line 1: in double quotes, \ must be followed`,
		"A='1' hidden":        "line 1: text after the closing quote",
		"A=hid\x00den":        "line 1: a value cannot contain",
	} {
		_, err := secrets.ParseDotEnv(text)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "hidden")
	}
}

func TestReadDotEnvTakesAMissingFileForAnEmptyOne(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), ".env")
	got, err := secrets.ReadDotEnv(path)
	require.NoError(t, err)
	require.Empty(t, got)
	write(t, path, "A=1")
	got, err = secrets.ReadDotEnv(path)
	require.NoError(t, err)
	require.Equal(t, []string{"A=1"}, got)
	write(t, path, "A")
	_, err = secrets.ReadDotEnv(path)
	require.ErrorContains(t, err, path+": line 1")
	_, err = secrets.ReadDotEnv(filepath.Dir(path))
	require.Error(t, err)
}

func FuzzDotEnv(f *testing.F) {
	for _, text := range []string{"A=1", "A='x\ny' # c\nexport B=\"\\n\"", "=", "A=\"", "#\n\n", "A= #"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		variables, err := secrets.ParseDotEnv(text)
		if err != nil {
			return
		}
		for _, variable := range variables {
			name, value, ok := strings.Cut(variable, "=")
			require.True(t, ok)
			require.NotEmpty(t, name)
			require.NotContains(t, value, "\x00")
		}
	})
}

func FuzzRedactorLeavesNoValue(f *testing.F) {
	f.Add("hunter2", "before ", " behind")
	f.Add("aaaa", "a", "aaa")
	f.Fuzz(func(t *testing.T, secret, before, behind string) {
		if len(secret) < secrets.MinRedacted || strings.ContainsRune("[secret PW]", rune(secret[0])) {
			return
		}
		p, err := secrets.New(secrets.Options{Environ: []string{"EVERHOOK_SECRET_PW=" + secret}})
		require.NoError(t, err)
		require.Contains(t, p.Redactor().Text(before+secret+behind), "[secret PW]")
	})
}
