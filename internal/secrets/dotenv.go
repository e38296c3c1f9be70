package secrets

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"
)

var dotEnvKey = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// ReadDotEnv reads a .env file into variables in the form of os.Environ; a file that does not exist has none. Put them
// before the process's own variables, which then take precedence.
func ReadDotEnv(path string) ([]string, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	variables, err := ParseDotEnv(string(data))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return variables, nil
}

// ParseDotEnv reads lines "NAME=value". It allows "export " before a name, empty lines, and comments (# at the start of
// a line or after a space). A value in single quotes is literal. In double quotes \n, \r, \t, \", \\ and \$ are
// escapes. Both may span lines. Variables are not expanded: $ is an ordinary character. Errors name the line and never
// show a value.
func ParseDotEnv(text string) ([]string, error) {
	p := dotEnv{rest: strings.ReplaceAll(strings.TrimPrefix(text, "\ufeff"), "\r\n", "\n"), line: 1}
	var variables []string
	for p.rest != "" {
		variable, err := p.next()
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", p.line, err)
		}
		if variable != "" {
			variables = append(variables, variable)
		}
	}
	return variables, nil
}

type dotEnv struct {
	rest string
	line int
}

// next reads one variable, which may span lines; "" for a line without one.
func (p *dotEnv) next() (string, error) {
	line, _, _ := strings.Cut(p.rest, "\n")
	if trimmed := strings.TrimSpace(line); trimmed == "" || trimmed[0] == '#' {
		p.advance(len(line))
		return "", p.endOfLine()
	}
	name, value, ok := strings.Cut(line, "=")
	if !ok {
		return "", errors.New("no =; write NAME=value")
	}
	key := strings.TrimSpace(name)
	if after, ok := strings.CutPrefix(key, "export "); ok {
		key = strings.TrimSpace(after)
	}
	if !dotEnvKey.MatchString(key) {
		return "", errors.New("the text before = is not a name; use letters, digits and underscores")
	}
	p.advance(len(name) + 1)
	if unpadded := strings.TrimLeft(value, " \t"); strings.HasPrefix(unpadded, "'") ||
		strings.HasPrefix(unpadded, `"`) {
		p.advance(len(value) - len(unpadded))
	}
	text, err := p.value()
	if err != nil {
		return "", err
	}
	if strings.ContainsRune(text, 0) {
		return "", errors.New("a value cannot contain the character NUL")
	}
	return key + "=" + text, p.endOfLine()
}

func (p *dotEnv) value() (string, error) {
	switch {
	case strings.HasPrefix(p.rest, "'"):
		end := strings.IndexByte(p.rest[1:], '\'')
		if end < 0 {
			return "", errors.New("the closing ' of a value is missing")
		}
		text := p.rest[1 : 1+end]
		p.advance(end + 2)
		return text, nil
	case strings.HasPrefix(p.rest, `"`):
		return p.doubleQuoted()
	default:
		line, _, _ := strings.Cut(p.rest, "\n")
		p.advance(len(line))
		return strings.TrimSpace(withoutComment(line)), nil
	}
}

func (p *dotEnv) doubleQuoted() (string, error) {
	var text strings.Builder
	for i := 1; i < len(p.rest); i++ {
		switch c := p.rest[i]; {
		case c == '"':
			p.advance(i + 1)
			return text.String(), nil
		case c == '\\' && i+1 < len(p.rest):
			i++
			escaped, ok := dotEnvEscapes[p.rest[i]]
			if !ok {
				return "", errors.New(`in double quotes, \ must be followed by n, r, t, ", \ or $; use single ` +
					`quotes for a literal value`)
			}
			text.WriteByte(escaped)
		default:
			text.WriteByte(c)
		}
	}
	return "", errors.New(`the closing " of a value is missing`)
}

var dotEnvEscapes = map[byte]byte{'n': '\n', 'r': '\r', 't': '\t', '"': '"', '\\': '\\', '$': '$'}

// endOfLine reads the rest of a line, which may be a comment.
func (p *dotEnv) endOfLine() error {
	line, _, more := strings.Cut(p.rest, "\n")
	if strings.TrimSpace(withoutComment(line)) != "" {
		return errors.New("text after the closing quote; begin a comment with a space and #")
	}
	p.advance(len(line))
	if more {
		p.advance(1)
	}
	return nil
}

func (p *dotEnv) advance(n int) {
	p.line += strings.Count(p.rest[:n], "\n")
	p.rest = p.rest[n:]
}

// withoutComment cuts a line before a # that follows a space.
func withoutComment(line string) string {
	for i := 1; i < len(line); i++ {
		if line[i] == '#' && (line[i-1] == ' ' || line[i-1] == '\t') {
			return line[:i]
		}
	}
	return line
}
