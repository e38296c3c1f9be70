package expression

import (
	"regexp"

	"github.com/expr-lang/expr/ast"

	"github.com/everhook/everhook"
)

// maxMatches bounds the matches that regexReplace replaces, counted with their groups.
const maxMatches = 100_000

// preparePattern compiles a pattern that is a constant of the expression.
func preparePattern(c *call) error {
	text, ok := c.nodes[1].(*ast.StringNode)
	if !ok {
		return nil
	}
	p, err := compilePattern(text.Value)
	c.pattern = p
	return err
}

// patternOf returns the text of the first argument and the pattern of the second, and charges the search.
func (c *call) patternOf(m *machine, args []any) (string, *regexp.Regexp, error) {
	text, err := c.text(args, 0)
	if err != nil {
		return "", nil, err
	}
	p := c.pattern
	if p == nil {
		if p, err = m.pattern(c.what(1), args[1]); err != nil {
			return "", nil, c.errorf("%w", err)
		}
	}
	// Groups take about twice the time of a match alone.
	return text, p.exp, m.spend(2 * times(1+len(text), p.weight))
}

func regexFind(m *machine, c *call, args []any) (any, error) {
	text, exp, err := c.patternOf(m, args)
	if err != nil {
		return nil, err
	}
	groups := exp.FindStringSubmatchIndex(text)
	if groups == nil {
		return nil, nil
	}
	found, err := m.list(len(groups) / 2)
	if err != nil {
		return nil, err
	}
	for i := 0; i < len(groups); i += 2 {
		if groups[i] < 0 {
			found = append(found, nil)
			continue
		}
		found = append(found, text[groups[i]:groups[i+1]])
	}
	return found, nil
}

func regexReplace(m *machine, c *call, args []any) (any, error) {
	text, exp, err := c.patternOf(m, args)
	if err != nil {
		return nil, err
	}
	replacement, err := c.text(args, 2)
	if err != nil {
		return nil, err
	}
	if err := m.produce(len(text)); err != nil {
		return nil, err
	}
	most := maxMatches / (1 + exp.NumSubexp())
	found := exp.FindAllStringSubmatchIndex(text, most+1)
	if len(found) > most {
		return nil, everhook.Errorf(everhook.TypeLimit, "%s: %s matches more than %d times", c.name, c.what(1), most)
	}
	var replaced []byte
	rest := 0
	for _, groups := range found {
		replaced = append(replaced, text[rest:groups[0]]...)
		// Each "$1" of the replacement can insert the whole match.
		size := len(replacement) + times(len(replacement)/2, groups[1]-groups[0])
		if err := m.produce(size); err != nil {
			return nil, err
		}
		replaced = exp.ExpandString(replaced, replacement, text, groups)
		rest = groups[1]
	}
	return string(append(replaced, text[rest:]...)), nil
}

var patternFunctions = []*Function{
	{Name: "regexFind", Signature: "regexFind(text, pattern)",
		Doc: "The first match of a regular expression (RE2) as a " +
			"list: the whole match, then its groups, nil for a group without a part in it. nil without a match.",
		Example: `regexFind("order INV-42", "INV-([0-9]+)")[1]`, Result: `"42"`, minimum: 2, maximum: 2,
		prepare: preparePattern, apply: regexFind},
	{Name: "regexReplace", Signature: "regexReplace(text, pattern, replacement)",
		Doc: "The text with every match of a " +
			"regular expression (RE2) replaced. In the replacement `${1}` is the first group, and `$$` a dollar sign.",
		Example: `regexReplace("2030-01-31", "([0-9]+)-([0-9]+)-([0-9]+)", "${3}.${2}.${1}")`, Result: `"31.01.2030"`,
		minimum: 3, maximum: 3, gives: kindText, prepare: preparePattern, apply: regexReplace},
}
