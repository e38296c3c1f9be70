package expression

import (
	"fmt"
	"strconv"
	"time"

	"github.com/everhook/everhook"
)

// convert converts a canonical value to a T.
func convert[T any](v any) (T, error) {
	var out T
	var err error
	switch target := any(&out).(type) {
	case *any:
		*target = v
	case *string:
		*target, err = convertText(v)
	case *int:
		*target, err = convertInt(v)
	case *float64:
		*target, err = convertFloat(v)
	case *bool:
		*target, err = convertBool(v)
	case *everhook.Duration:
		*target, err = convertDuration(v)
	case *time.Time:
		*target, err = convertTime(v)
	case *[]any:
		*target, err = convertList(v)
	case *[]string:
		*target, err = convertTexts(v)
	case *map[string]any:
		*target, err = convertMapping(v)
	case *map[string]string:
		*target, err = convertTextMapping(v)
	case *map[string]everhook.HeaderValue:
		*target, err = convertHeaders(v)
	default:
		err = (*Template[T])(nil).checkType() // found before, unless the config belongs to no registry
	}
	return out, err
}

// canonicalOf returns the canonical value of a T: the inverse of convert.
func canonicalOf[T any](value T) any {
	switch v := any(value).(type) {
	case float64:
		n, _ := everhook.CanonicalFloat(v) // v was canonical, so it is a number that JSON has
		return n
	case everhook.Duration:
		return v.String()
	case time.Time:
		return everhook.FormatTime(v)
	case []string:
		list := make([]any, len(v))
		for i, text := range v {
			list[i] = text
		}
		return list
	case map[string]string:
		mapping := make(map[string]any, len(v))
		for key, text := range v {
			mapping[key] = text
		}
		return mapping
	case map[string]everhook.HeaderValue:
		mapping := make(map[string]any, len(v))
		for name, values := range v {
			mapping[name] = canonicalOf([]string(values))
		}
		return mapping
	}
	return value
}

func mismatch(v any, need, fix string) error {
	if v == nil && fix != "" {
		return fmt.Errorf("nil where %s is needed; use `?? %s`", need, fix)
	}
	return fmt.Errorf("%s where %s is needed", everhook.TypeName(v), need)
}

func convertText(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case int, float64, bool:
		return numberText(v), nil
	default:
		return "", mismatch(v, "text", `""`)
	}
}

func convertInt(v any) (int, error) {
	switch v := v.(type) {
	case int:
		return v, nil
	case float64:
		return 0, fmt.Errorf("%s where a whole number is needed; use `round`, `floor` or `ceil`", floatText(v))
	case string:
		if _, err := strconv.Atoi(v); err == nil {
			return 0, fmt.Errorf("text where a whole number is needed; remove the quotes, or use `int(…)` in a " +
				"template")
		}
	}
	return 0, mismatch(v, "a whole number", "0")
}

func convertFloat(v any) (float64, error) {
	switch v := v.(type) {
	case int:
		return float64(v), nil
	case float64:
		return v, nil
	case string:
		if _, err := everhook.ParseNumber(v); err == nil {
			return 0, fmt.Errorf("text where a number is needed; remove the quotes, or use `float(…)` in a template")
		}
	}
	return 0, mismatch(v, "a number", "0")
}

func convertBool(v any) (bool, error) {
	if is, ok := v.(bool); ok {
		return is, nil
	}
	if v == "true" || v == "false" {
		return false, fmt.Errorf("text where true or false is needed; remove the quotes")
	}
	return false, mismatch(v, "true or false", "false")
}

func convertDuration(v any) (everhook.Duration, error) {
	switch v := v.(type) {
	case string:
		return everhook.ParseDuration(v)
	case int, float64:
		return everhook.ParseDuration(numberText(v))
	default:
		return 0, mismatch(v, "a duration like 30s or P3D", `"30s"`)
	}
}

func convertTime(v any) (time.Time, error) {
	text, ok := v.(string)
	if !ok {
		return time.Time{}, mismatch(v, "a time like 2030-01-31T09:00:00Z", "")
	}
	return parseTime(text)
}

func convertList(v any) ([]any, error) {
	if list, ok := v.([]any); ok {
		return list, nil
	}
	return nil, mismatch(v, "a list", "[]")
}

func convertTexts(v any) ([]string, error) {
	list, err := convertList(v)
	if err != nil {
		return nil, err
	}
	texts := make([]string, len(list))
	for i, item := range list {
		if texts[i], err = convertText(item); err != nil {
			return nil, fmt.Errorf("[%d]: %w", i, err)
		}
	}
	return texts, nil
}

func convertMapping(v any) (map[string]any, error) {
	if mapping, ok := v.(map[string]any); ok {
		return mapping, nil
	}
	return nil, mismatch(v, "a mapping", "{}")
}

// convertTextMapping omits nil values, such as a header without a value.
func convertTextMapping(v any) (map[string]string, error) {
	mapping, err := convertMapping(v)
	if err != nil {
		return nil, err
	}
	texts := make(map[string]string, len(mapping))
	for _, key := range everhook.SortedKeys(mapping) {
		if mapping[key] == nil {
			continue
		}
		if texts[key], err = convertText(mapping[key]); err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
	}
	return texts, nil
}

// check returns an error for a form that is wrong for every value of its templates.
func check[T any](f form) error {
	switch f := f.(type) {
	case literalForm:
		_, err := convert[T](f.value)
		return err
	case *textForm:
		if f.whole() {
			return nil
		}
		return checkMixed[T]()
	case listForm:
		switch any(new(T)).(type) {
		case *any, *[]any:
			return nil
		case *[]string:
			return checkItems(f, strconv.Itoa)
		}
		_, err := convert[T]([]any{})
		return err
	default:
		mapping := f.(*mappingForm)
		switch any(new(T)).(type) {
		case *any, *map[string]any:
			return nil
		case *map[string]string:
			return checkItems(mapping.forms, func(i int) string { return mapping.keys[i] })
		case *map[string]everhook.HeaderValue:
			return checkHeaders(mapping)
		}
		_, err := convert[T](map[string]any{})
		return err
	}
}

// checkMixed refuses types that are never text: a template with text around it always yields text.
func checkMixed[T any]() error {
	switch any(new(T)).(type) {
	case *any, *string, *everhook.Duration, *time.Time:
		return nil
	}
	_, err := convert[T]("")
	return fmt.Errorf("%w; a template with text around it is always text, so let the template be the whole value", err)
}

// checkItems checks elements that must be text.
func checkItems(items []form, name func(i int) string) error {
	for i, item := range items {
		if err := check[string](item); err != nil {
			return fmt.Errorf("%s: %w", name(i), err)
		}
	}
	return nil
}
