package kinds

import (
	"strings"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
)

// IBANCheck checks the number of a bank account.
type IBANCheck struct {
	// IBAN is the number, with or without spaces.
	IBAN expression.Template[string] `json:"iban" required:"true"`
	// Countries lists the accepted countries, for example DE or AT. Without it, all are accepted.
	Countries []string `json:"countries,omitempty" single:"true"`
	// FailOnInvalid makes the node fail if the number is not valid. Without it, the result says so.
	FailOnInvalid bool `json:"failOnInvalid,omitempty" default:"false"`
}

var _ kind.Kind = (*IBANCheck)(nil)

// Spec describes the kind.
func (*IBANCheck) Spec() kind.Spec {
	return kind.Spec{
		Kind: "iban-check", Group: kind.Calculating,
		Summary: "Checks the number of a bank account by its check digits.",
		Result:  "What the check found.",
		Members: []kind.Member{
			{Name: "valid", Type: expression.Boolean, Summary: "Whether the number is valid."},
			{Name: "iban", Type: expression.Text, Summary: "The number in capitals, without spaces."},
			{Name: "country", Type: expression.Text, Summary: "The country of the account, for example DE."},
			{Name: "reason", Type: expression.Text, Summary: "Why the number is not valid; nil if it is."},
		},
		Failures: "Failed, with `errors.<key>.type` `invalid-iban`, when it is not valid and `failOnInvalid` is set. " +
			"Error when the template cannot be evaluated.",
		Example: `key: account
type: iban-check
config:
  iban: '{{ trigger.body.iban }}'
  countries: [DE, AT]
`,
	}
}

// Validate checks the list of countries, and warns of an account number that is written out.
func (c *IBANCheck) Validate(v *kind.Validation) {
	for _, country := range c.Countries {
		if len(country) != 2 || !consistsOf(country, capitals) {
			v.Error("/config/countries", `"`+everhook.Shorten(country, 20)+`" is no country`,
				"write two capitals, for example DE")
		}
	}
	if literal, ok := c.IBAN.Literal(); ok {
		v.Warn("/config/iban", "the result is the same for every run: "+check(literal, c.Countries).describe(),
			"write a template, for example '{{ trigger.body.iban }}'")
	}
}

// TypeInvalidIBAN is the type of the node's error. Flows may compare it, so it is never edited.
const TypeInvalidIBAN = "invalid-iban"

// Execute is pure: the same data gives the same result on every replay.
func (c *IBANCheck) Execute(run kind.Run) (kind.Result, error) {
	text, err := c.IBAN.Eval(run.Scope())
	if err != nil {
		return kind.Result{}, err
	}
	checked := check(text, c.Countries)
	if checked.reason != "" && c.FailOnInvalid {
		return kind.Result{}, everhook.Failuref(TypeInvalidIBAN, "%s", checked.describe())
	}
	result := map[string]any{"valid": checked.reason == "", "iban": checked.iban, "country": checked.country,
		"reason": nil}
	if checked.reason != "" {
		result["reason"] = checked.reason
	}
	return kind.Result{Value: result}, nil
}

// checked is the result of a check; reason is empty if the number is valid.
type checked struct{ iban, country, reason string }

func (c checked) describe() string {
	if c.reason == "" {
		return "the IBAN is valid"
	}
	return "the IBAN is not valid: " + c.reason
}

const (
	digits   = "0123456789"
	capitals = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// check checks a number by ISO 13616: two letters, two check digits, up to 30 letters and digits, and a remainder of 1.
func check(text string, countries []string) checked {
	iban := strings.ToUpper(strings.Join(strings.Fields(text), ""))
	c := checked{iban: everhook.Shorten(iban, 40)}
	switch {
	case len(iban) < 15 || len(iban) > 34:
		c.reason = "it has not 15 to 34 characters"
	case !consistsOf(iban[:2], capitals) || !consistsOf(iban[2:4], digits) || !consistsOf(iban[4:], digits+capitals):
		c.reason = "it is not two letters, two digits, and letters and digits"
	case remainder(iban) != 1:
		c.country, c.reason = iban[:2], "its check digits do not fit"
	case len(countries) > 0 && !contains(countries, iban[:2]):
		c.country, c.reason = iban[:2], "accounts in "+iban[:2]+" are not taken"
	default:
		c.country = iban[:2]
	}
	return c
}

// remainder returns the number modulo 97, with its first four characters at the end and 10 to 35 for letters.
func remainder(iban string) int {
	rest := 0
	for _, character := range iban[4:] + iban[:4] {
		if character >= 'A' {
			rest = (rest*100 + int(character-'A') + 10) % 97
		} else {
			rest = (rest*10 + int(character-'0')) % 97
		}
	}
	return rest
}

func consistsOf(text, alphabet string) bool { return strings.Trim(text, alphabet) == "" }

func contains(list []string, text string) bool {
	for _, one := range list {
		if one == text {
			return true
		}
	}
	return false
}
