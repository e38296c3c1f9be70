package console

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html/template"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/api"
	"github.com/everhook/everhook/internal/runs"
)

// functions are the functions of the templates.
var functions = template.FuncMap{
	"ago": ago, "exact": exact, "minute": minute, "machine": machine, "took": took, "pretty": pretty, "curl": curl, "zone": zone,
	"at":      func(t, now time.Time) moment { return moment{t, now} },
	"runPath": runPath,
	"runURL": func(workflowID string) string {
		flow, run, _ := everhook.ParseWorkflowID(workflowID)
		return runPath(runs.Summary{Flow: flow, ID: run})
	},
	"copying":      func(text any, what ...string) copying { return copying{fmt.Sprint(text), strings.Join(what, " ")} },
	"deliveriesOf": func(flow string) string { return deliveriesPath(api.DeliveryFilter{Flow: flow}, "") },
	"deliveryOf": func(run everhook.RunID) string {
		return deliveriesPath(api.DeliveryFilter{Text: string(run)}, "")
	},
	"json":   indented,
	"list":   func(words []string) string { return strings.Join(words, ", ") },
	"runsOf": func(flow string) string { return "/runs?flow=" + url.QueryEscape(flow) },
	"short":  func(id everhook.RunID) string { return string(id[:min(8, len(id))]) },
}

// copying is a button that copies a text. What names the text for screen readers, for example "the URL of orders".
type copying struct{ Text, What string }

// moment is a time on a page that was rendered at Now.
type moment struct{ At, Now time.Time }

// ticking matches elements whose texts are updated by the script of the pages; the group is the tag before the text.
var ticking = regexp.MustCompile(`(<[a-z]+ data-tick="[a-z]+"[^<>]*>)[^<]*`)

// ago returns the age of a time in words.
func ago(t, now time.Time) string {
	d := now.Sub(t)
	switch {
	case d < 2*time.Second:
		return "just now"
	case d < time.Minute:
		return fmt.Sprintf("%d s ago", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", d/time.Minute)
	case d < 24*time.Hour:
		return fmt.Sprintf("%d h ago", d/time.Hour)
	default:
		return fmt.Sprintf("%d d ago", d/(24*time.Hour))
	}
}

func exact(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05.000 MST") }

func minute(t time.Time) string { return t.Local().Format("2006-01-02 15:04 MST") }

// clock returns the time of day, with the day if it differs from the day of the other time.
func clock(t, other time.Time) string {
	t, other = t.Local(), other.Local()
	if t.YearDay() == other.YearDay() && t.Year() == other.Year() {
		return t.Format("15:04:05.000")
	}
	return t.Format("2 Jan 15:04:05.000")
}

// zone names the zone of the times that pages show, for example UTC or CEST.
func zone(t time.Time) string { return t.Local().Format("MST") }

func machine(t time.Time) string { return everhook.FormatTime(t.UTC()) }

// took returns the duration of a step or run in words, up to now if it has not ended. The script of the pages
// implements the same rules for took and ago.
func took(started time.Time, ended *time.Time, now time.Time) string {
	if ended == nil {
		return lasted(now.Sub(started)) + " so far"
	}
	return lasted(ended.Sub(started))
}

func lasted(d time.Duration) string {
	switch d = max(0, d); {
	case d < time.Millisecond:
		return "< 1 ms"
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", d/time.Minute, d%time.Minute/time.Second)
	case d < 24*time.Hour:
		return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
	default:
		return fmt.Sprintf("%d d %d h", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
	}
}

// pretty returns a value as indented JSON, and text unchanged.
func pretty(v any) string {
	if value, ok := v.(*everhook.Value); ok {
		if text, ok := value.V.(string); ok {
			return text
		}
	}
	data, err := everhook.EncodeJSON(v)
	if err != nil {
		return err.Error()
	}
	return indented(string(data))
}

// indented returns JSON with indents, and any other text unchanged.
func indented(text string) string {
	var out bytes.Buffer
	if json.Indent(&out, []byte(text), "", "  ") != nil {
		return text
	}
	return out.String()
}

// curl returns a command for a POSIX shell that calls a flow.
func curl(address string) string {
	return "curl -i '" + strings.ReplaceAll(address, "'", `'\''`) +
		`' -H 'Content-Type: application/json' -d '{"hello": "world"}'`
}

func entityTag(data []byte) string {
	sum := sha256.Sum256(data)
	return `"` + hex.EncodeToString(sum[:8]) + `"`
}
