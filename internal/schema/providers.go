package schema

import (
	"fmt"
	"strings"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/signature"
)

// providerPages are the list of providers and a page for each, made from the table of presets.
func providerPages() []Page {
	var list strings.Builder
	list.WriteString("# Providers\n\nWhat `signature: { preset: NAME }` of a [trigger](triggers.md#webhook) knows: " +
		"how the provider signs, how long it waits, how its events are told apart, and what it asks. For all other " +
		"senders there is `hmac`, whose fields describe the signature. [Webhooks of providers](../webhooks.md) is " +
		"the guide.\n\n| Preset | Provider | Dedupe key | Questions | Waits |\n| --- | --- | --- | --- | --- |\n")
	pages := []Page{{}}
	for _, preset := range signature.Presets() {
		if preset.Name == signature.Generic {
			continue
		}
		name := "providers/" + preset.Name + ".md"
		fmt.Fprintf(&list, "| [`%s`](%s) | %s | %s | %s | %s |\n", preset.Name, name, preset.Title,
			orDash(dedupeText(&preset)), orDash(methodsText(&preset)), orDash(patience(preset.Patience)))
		pages = append(pages, Page{name, generated + providerPage(&preset)})
	}
	pages[0] = Page{"providers.md", generated + list.String()}
	return pages
}

func orDash(text string) string {
	if text == "" {
		return "–"
	}
	return text
}

func patience(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return shortDuration(d)
}

func providerPage(p *signature.Preset) string {
	var page strings.Builder
	fmt.Fprintf(&page, "# %s\n\nThe preset `%s` of `signature`. [%s](%s) is the provider's page about it; the guide "+
		"is [webhooks of providers](../../webhooks.md).\n\n", p.Title, p.Name, p.Title, p.Docs)
	page.WriteString("```yaml\n" + providerFlow(p) + "```\n\n")
	step := 1
	for _, text := range providerSteps(p) {
		fmt.Fprintf(&page, "%d. %s\n", step, text)
		step++
	}
	page.WriteString("\n| | |\n| --- | --- |\n")
	for _, row := range providerRows(p) {
		if row[1] != "" {
			fmt.Fprintf(&page, "| %s | %s |\n", row[0], cell(row[1]))
		}
	}
	for i, note := range p.Notes {
		if i == 0 {
			page.WriteString("\n")
		}
		page.WriteString("- " + note + "\n")
	}
	return page.String()
}

// secretName is the name of the secret in the example, in the form of names of secrets.
func secretName(p *signature.Preset, suffix string) string {
	return strings.ToUpper(strings.ReplaceAll(p.Name, "-", "_")) + suffix
}

// providerFlow is a flow that takes the provider's events.
func providerFlow(p *signature.Preset) string {
	fields := []string{"preset: " + p.Name}
	if p.TakesSecrets() {
		fields = append(fields, "secrets: { secret: "+secretName(p, "_SECRET")+" }")
	}
	if p.AsksForToken() {
		fields = append(fields, "verifyToken: { secret: "+secretName(p, "_VERIFY_TOKEN")+" }")
	}
	if p.Topic != nil {
		fields = append(fields, "topics: [ 'arn:aws:sns:eu-west-1:123456789012:orders' ]")
	}
	dedupe := ""
	if p.NamesEvents() {
		dedupe = "  dedupe: preset\n"
	}
	return fmt.Sprintf("key: %s-events\nmode: async\ntrigger:\n  type: webhook\n  signature: { %s }\n%s"+
		"nodes:\n  - { key: seen, type: output, config: { value: '{{ trigger.body }}' } }\n", p.Name,
		strings.Join(fields, ", "), dedupe)
}

func providerSteps(p *signature.Preset) []string {
	steps := []string{"Write the flow, start Everhook, and copy the flow's URL from the pages."}
	if p.Signed.HasURL() {
		steps[0] += " The provider signs the URL that it calls: start the server with `--public-url`."
	}
	steps = append(steps, p.Setup...)
	var names []string
	if p.TakesSecrets() {
		names = append(names, "`EVERHOOK_SECRET_"+secretName(p, "_SECRET")+"`")
	}
	if p.AsksForToken() {
		names = append(names, "`EVERHOOK_SECRET_"+secretName(p, "_VERIFY_TOKEN")+"`")
	}
	if names != nil {
		steps = append(steps, "Set "+strings.Join(names, " and ")+".")
	}
	return steps
}

// providerRows say what the preset is, as label and text.
func providerRows(p *signature.Preset) [][2]string {
	return [][2]string{
		{"Signature", signatureText(p)},
		{"Signed text", signedText(p)},
		{"Time of sending", timeText(p)},
		{"Secret", secretText(p)},
		{"Dedupe key (`dedupe: preset`)", dedupeText(p)},
		{"Questions, answered without a run", questionsText(p)},
		{"Bodies (`accept`)", formatsText(p)},
		{"Answer of an async flow", answerText(p.Response)},
		{"Callers of a sync flow are held (`options.wait`)", heldText(p)},
		{"`everhook flow send`", sendText(p)},
	}
}

// placeText names a place.
func placeText(p signature.Place) string {
	switch {
	case p.Header != "":
		return "header `" + p.Header + "`"
	case p.Query != "":
		return "parameter `" + p.Query + "`"
	case p.Element != "":
		return "element `" + p.Element + "` beside the signature"
	case p.Body != nil:
		return "body `" + p.Body.String() + "`"
	default:
		return ""
	}
}

var algorithmNames = map[signature.Algorithm]string{
	signature.SHA1: "HMAC-SHA1", signature.SHA256: "HMAC-SHA256", signature.SHA384: "HMAC-SHA384",
	signature.SHA512: "HMAC-SHA512", signature.PlainSHA256: "SHA-256", signature.Ed25519: "Ed25519",
	signature.ECDSAP256: "ECDSA P-256 with SHA-256", signature.RSASHA1: "RSA with SHA-1",
	signature.RSASHA256: "RSA with SHA-256", signature.RSASHA512: "RSA with SHA-512",
	signature.RSAPSS: "RSA-PSS with SHA-256", signature.JWT: "a JWT", signature.Token: "the secret itself",
}

func signatureText(p *signature.Preset) string {
	if p.Unsigned {
		return "none"
	}
	var forms []string
	for _, method := range p.Methods {
		form := algorithmNames[method.Algorithm]
		if method.Encoding != signature.Raw {
			form += " in " + string(method.Encoding)
		}
		if method.Prefix != "" {
			form = "`" + method.Prefix + "` and " + form
		}
		forms = append(forms, form)
	}
	text := placeText(p.Signature)
	if len(p.Others) > 0 {
		text += " to `" + p.Others[len(p.Others)-1] + "`"
	}
	text += ": " + strings.Join(forms, ", or ")
	if p.Separator != "" {
		text += "; several are separated by `" + p.Separator + "`"
	}
	return text
}

func signedText(p *signature.Preset) string {
	switch {
	case p.Unsigned:
		return ""
	case p.Digest.Claim != "":
		return "the claim `" + p.Digest.Claim + "` is the SHA-256 of the body, in " + string(p.Digest.Encoding)
	}
	text := "`" + p.Signed.String() + "`"
	if p.Signed.String() == "" {
		return "nothing"
	}
	if strings.Contains(text, "{line:") {
		text += "; {line:NAME} is the name of a field and its value, each with a line end, if the body has it"
	}
	if p.ID.IsSet() {
		text += "; {id} is " + placeText(p.ID)
	}
	if p.Digest.Query != "" {
		text += "; other bodies than forms have their SHA-256 in the parameter `" + p.Digest.Query + "`"
	}
	return text
}

func timeText(p *signature.Preset) string {
	switch {
	case !p.Timestamp.IsSet():
		return ""
	case p.Tolerance == 0:
		return placeText(p.Timestamp) + "; not compared, unless `tolerance` is set"
	default:
		return placeText(p.Timestamp) + "; at most " + shortDuration(p.Tolerance) +
			" from that of receipt (`tolerance`)"
	}
}

func secretText(p *signature.Preset) string {
	switch {
	case !p.TakesSecrets():
		return ""
	case p.Keys == signature.StandardKeys:
		return "`whsec_` and base64, or a public key: `whpk_` and base64"
	case p.Keys == signature.HexKeys:
		return "hexadecimal"
	case p.Keys == signature.Base64Keys:
		return "base64"
	case p.TakesPublicKeys():
		return "a public key: PEM, base64 of DER, or for Ed25519 hexadecimal"
	default:
		return "text, as it is shown"
	}
}

func dedupeText(p *signature.Preset) string {
	if p.DedupeHeader != "" {
		return "header `" + p.DedupeHeader + "`"
	}
	var paths []string
	for _, path := range p.DedupeBody {
		paths = append(paths, "`"+path.String()+"`")
	}
	if paths == nil {
		return ""
	}
	return "body " + strings.Join(paths, ", ")
}

// methodsText names the methods of a provider's questions.
func methodsText(p *signature.Preset) string {
	var methods []string
	for _, handshake := range p.Handshakes {
		if len(methods) == 0 || methods[len(methods)-1] != handshake.Method {
			methods = append(methods, handshake.Method)
		}
	}
	return strings.Join(methods, ", ")
}

func questionsText(p *signature.Preset) string {
	var texts []string
	for _, handshake := range p.Handshakes {
		texts = append(texts, questionText(&handshake))
	}
	return strings.Join(texts, "; ")
}

func questionText(h *signature.Handshake) string {
	text := h.Method
	for i, condition := range h.When {
		join := " with "
		if i > 0 {
			join = " and "
		}
		text += join + placeText(condition.Place)
		switch {
		case condition.Secret:
			text += ", the `verifyToken`"
		case condition.Empty && condition.Body == nil:
			text += " missing"
		case condition.Empty:
			text += ", an empty list"
		case condition.Is != "":
			text += " = `" + condition.Is + "`"
		}
	}
	if h.Unsigned {
		text += ", not signed"
	}
	switch {
	case h.Call.IsSet():
		text += ": the URL at " + placeText(h.Call) + " is called"
	case h.Answer == nil && h.Status != 0:
		text += fmt.Sprintf(": status %d", h.Status)
	case h.Answer == nil:
		text += ": an empty 200"
	case h.Challenge.IsSet():
		text += ": answered with " + valueText(h.Answer) + ", {challenge} being " + placeText(h.Challenge)
		if h.NeedsSecret() {
			text += " and {hmac} its " + algorithmNames[h.HMAC.Algorithm] + " in " + string(h.HMAC.Encoding)
		}
	default:
		text += ": answered with " + valueText(h.Answer)
	}
	return text
}

// valueText is text as it is, or a value as JSON, as code.
func valueText(v any) string {
	if text, ok := v.(string); ok {
		return "`" + text + "`"
	}
	data, err := everhook.EncodeJSON(v)
	if err != nil {
		panic(err)
	}
	return "`" + string(data) + "`"
}

func formatsText(p *signature.Preset) string {
	if p.JSON {
		return "JSON, whatever their type says"
	}
	return strings.Join(p.Accept, ", ")
}

func answerText(a *everhook.Answer) string {
	if a == nil {
		return ""
	}
	text := fmt.Sprint(a.Status)
	for _, name := range everhook.SortedKeys(a.Headers) {
		text += ", `" + name + ": " + strings.Join(a.Headers[name], ", ") + "`"
	}
	if a.Body == nil {
		return text + " without a body"
	}
	return text + ", " + valueText(a.Body.V)
}

func heldText(p *signature.Preset) string {
	text := shortDuration(p.Wait)
	if p.Patience > 0 {
		text += "; the provider waits " + shortDuration(p.Patience)
	}
	return text
}

func sendText(p *signature.Preset) string {
	switch {
	case p.Unsigned:
		return "sends a delivery, which is not signed"
	case p.Certificate != nil:
		return "cannot sign: only the provider has the private key"
	case p.TakesPublicKeys():
		return "signs if the secret is the private key, for example of a key pair for tests"
	default:
		return "signs as the provider does"
	}
}
