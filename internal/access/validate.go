package access

import (
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/everhook/everhook"
)

// Wrong is the error for an input with a wrong field.
type Wrong struct {
	// Field is the name of the field in the API.
	Field string
	// Message says what is wrong and what to write.
	Message string
}

func (w *Wrong) Error() string { return w.Field + ": " + w.Message }

func wrong(field, format string, a ...any) error { return &Wrong{field, fmt.Sprintf(format, a...)} }

// Bounds of inputs.
const (
	maxName   = 100
	maxEmail  = 254
	maxLabel  = 64
	maxLabels = 50
	maxFlows  = 200
)

func checkName(name string) error {
	switch n := utf8.RuneCountInString(name); {
	case n == 0:
		return wrong("name", "is missing")
	case n > maxName:
		return wrong("name", "has %d characters; at most %d are possible", n, maxName)
	case strings.TrimSpace(name) != name || strings.ContainsFunc(name, unicode.IsControl) || !utf8.ValidString(name):
		return wrong("name", "begins or ends with a space, or has a control character")
	}
	return nil
}

// normalEmail returns the form in which an email address is stored and compared.
func normalEmail(text string) (string, error) {
	text = strings.ToLower(strings.TrimSpace(text))
	address, err := mail.ParseAddress(text)
	if err != nil || address.Address != text || len(text) > maxEmail {
		return "", wrong("email", "%q is not an email address", shorten(text))
	}
	return text, nil
}

func checkPasswordRules(password, email string) error {
	switch n := utf8.RuneCountInString(password); {
	case n < minPassword:
		return wrong("password", "has %d characters; at least %d are needed", n, minPassword)
	case n > maxPassword:
		return wrong("password", "has %d characters; at most %d are possible", n, maxPassword)
	case email != "" && strings.EqualFold(password, email):
		return wrong("password", "is the email address")
	case len(distinct(password)) < 5:
		return wrong("password", "has fewer than 5 different characters")
	}
	return nil
}

func distinct(text string) map[rune]bool {
	all := map[rune]bool{}
	for _, r := range text {
		all[r] = true
	}
	return all
}

// checkRights checks a role with its limits. Only callers name flows, and they must.
func checkRights(role Role, labels, flows []string) error {
	if _, err := ParseRole(string(role)); err != nil {
		return wrong("role", "%s", err.Error())
	}
	if len(labels) > maxLabels {
		return wrong("labels", "has %d labels; at most %d are possible", len(labels), maxLabels)
	}
	for _, label := range labels {
		if n := utf8.RuneCountInString(label); n == 0 || n > maxLabel || strings.TrimSpace(label) != label ||
			strings.ContainsFunc(label, unicode.IsControl) {
			return wrong("labels", "%q is not a label", shorten(label))
		}
	}
	switch {
	case role == Caller && len(flows) == 0:
		return wrong("flows", "is missing; a caller starts only the flows that it names")
	case role != Caller && len(flows) > 0:
		return wrong("flows", "is only for the role caller; limit the role %s by labels", role)
	case len(flows) > maxFlows:
		return wrong("flows", "has %d flows; at most %d are possible", len(flows), maxFlows)
	}
	if i := slices.IndexFunc(flows, func(key string) bool { return !everhook.IsFlowKey(key) }); i >= 0 {
		return wrong("flows", "%q is not a flow key; use a-z, 0-9 and -", shorten(flows[i]))
	}
	return nil
}
