package receiver

import (
	"fmt"
	"net/url"
	"strings"
)

// curlTakes are the options of curl with a value that say nothing about the call.
const curlTakes = " --connect-timeout --max-time -m -o --output --retry -A --user-agent -b --cookie -c --cookie-jar " +
	"-e --referer --cacert --cert -E --key --resolve -x --proxy -w --write-out -F --form --max-redirs "

// curlFlags are those without a value.
const curlFlags = " -s --silent -S --show-error -i --include -v --verbose -k --insecure -L --location -f --fail " +
	"--compressed -g --globoff --http1.1 --http2 -# --progress-bar -N --no-buffer -sS -fsS -sL -fsSL -ik "

// readCurl reads a curl command. Options that it does not know are noted.
func readCurl(text string, sample SampleCall) (SampleCall, error) {
	sample.Form = "curl"
	words, err := shellWords(text)
	if err != nil {
		return sample, err
	}
	c := curl{sample: &sample}
	for i := 1; i < len(words); i++ {
		used, err := c.word(words[i], words[i+1:])
		if err != nil {
			return sample, err
		}
		i += used
	}
	return sample, c.end()
}

type curl struct {
	sample *SampleCall
	target string
	data   []string
	query  bool // -G: the data is the query
	json   bool
	form   bool
}

// word takes one word and says how many further ones belong to it.
func (c *curl) word(word string, rest []string) (used int, err error) {
	if !strings.HasPrefix(word, "-") || word == "-" {
		if c.target == "" {
			c.target = word
		}
		return 0, nil
	}
	name, value, joined := word, "", false
	if strings.HasPrefix(word, "--") {
		name, value, joined = strings.Cut(word, "=")
	} else if len(word) > 2 && strings.Contains("XHdum", word[1:2]) {
		name, value, joined = word[:2], word[2:], true
	}
	if strings.Contains(curlFlags, " "+name+" ") {
		return 0, nil
	}
	if name == "-G" || name == "--get" {
		c.query = true
		return 0, nil
	}
	if !joined && len(rest) > 0 {
		value, used = rest[0], 1
	}
	switch name {
	case "-X", "--request":
		c.sample.Method = strings.ToUpper(value)
	case "-H", "--header":
		header, content, _ := strings.Cut(value, ":")
		if strings.EqualFold(strings.TrimSpace(header), "content-type") {
			c.json = strings.Contains(strings.ToLower(content), "json")
			c.form = strings.Contains(strings.ToLower(content), "form")
		}
		c.sample.setHeader(header)
	case "-d", "--data", "--data-raw", "--data-binary", "--data-ascii", "--data-urlencode":
		if strings.HasPrefix(value, "@") && name != "--data-raw" {
			c.note("the file " + value[1:] + " is not here: paste its content as JSON")
			break
		}
		if name == "--data-urlencode" {
			field, content, _ := strings.Cut(value, "=")
			value = field + "=" + url.QueryEscape(content)
		}
		c.data = append(c.data, value)
	case "--json":
		c.json, c.data = true, append(c.data, value)
	case "--url":
		c.target = value
	case "-u", "--user":
		c.note("the call has basic authentication: switch it on above")
	default:
		if !strings.Contains(curlTakes, " "+name+" ") {
			c.note("the option " + name + " is not known and was passed over")
			return 0, nil
		}
		c.note("the option " + name + " was passed over")
	}
	return used, nil
}

func (c *curl) note(text string) { c.sample.Notes = append(c.sample.Notes, text) }

// end reads the URL and the data.
func (c *curl) end() error {
	data := strings.Join(c.data, "&")
	query := sampleQuery(c.target)
	if c.query && data != "" {
		query = strings.TrimPrefix(query+"&"+data, "&")
		data = ""
	}
	if c.target != "" && strings.Contains(c.target, "?") || c.query {
		if err := c.sample.setQuery(query); err != nil {
			return err
		}
	}
	if c.sample.Method == "" {
		c.sample.Method = "GET"
		if data != "" {
			c.sample.Method = "POST"
		}
	}
	trimmed := strings.TrimSpace(data)
	switch {
	case trimmed == "":
		return nil
	case c.json || !c.form && (strings.HasPrefix(trimmed, "{") || strings.HasPrefix(trimmed, "[")):
		return c.sample.setJSON(trimmed)
	}
	form, err := ParseForm([]byte(trimmed))
	if err == nil {
		c.sample.setBody(map[string]any(form))
	}
	return err
}

// shellWords splits a command as a POSIX shell does, without expansions.
func shellWords(text string) ([]string, error) {
	var words []string
	var word strings.Builder
	inWord := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text):
			i++
			if text[i] == '\r' && i+1 < len(text) && text[i+1] == '\n' {
				i++
			}
			if text[i] != '\n' {
				word.WriteByte(text[i])
				inWord = true
			}
		case c == '\'' || c == '"':
			end, content := quotedWord(text, i)
			if end < 0 {
				return nil, fmt.Errorf("the %c at character %d of the curl command is not closed", c, i+1)
			}
			word.WriteString(content)
			inWord, i = true, end
		case c == '$' && i+1 < len(text) && text[i+1] == '\'':
			continue // $'…' as browsers copy it
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			if inWord {
				words = append(words, word.String())
				word.Reset()
			}
			inWord = false
		default:
			word.WriteByte(c)
			inWord = true
		}
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, nil
}

// quotedWord returns the offset of the quote that closes the one at start, and the text between; -1 if there is none.
func quotedWord(text string, start int) (end int, content string) {
	var b strings.Builder
	for i := start + 1; i < len(text); i++ {
		switch {
		case text[i] == text[start]:
			return i, b.String()
		case text[i] == '\\' && text[start] == '"' && i+1 < len(text) && strings.IndexByte("\\\"$`\n", text[i+1]) >= 0:
			if i++; text[i] != '\n' {
				b.WriteByte(text[i])
			}
		default:
			b.WriteByte(text[i])
		}
	}
	return -1, ""
}
