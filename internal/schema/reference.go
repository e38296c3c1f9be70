package schema

import (
	_ "embed" // for the hand-written parts of the pages
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
)

// Page is one page of the reference.
type Page struct {
	// Name is the page's file, as in "nodes.md"; pages link to each other by it.
	Name string
	// Markdown is the content of the page. The first line of a YAML block names its type: a node, a trigger, or a whole
	// flow.
	Markdown string
}

// The hand-written parts. Generated text replaces a line with a placeholder.
var (
	//go:embed flow_file.md
	flowFileText string
	//go:embed expressions.md
	expressionsText string
)

// generated is the first line of every page.
const generated = "<!-- Generated from the code by `make docs`: edits here are lost. -->\n\n"

// Reference is the manual of the flow file: its fields, every kind of this registry, and the language of expressions,
// made from the config structs, their comments and specs; and the providers whose signatures are known.
func Reference(r *kind.Registry) []Page {
	d := newDescriber()
	pages := append([]Page{
		{"flow-file.md", generated + d.flowFilePage()},
		{"nodes.md", generated + d.nodesPage(r)},
		{"triggers.md", generated + d.triggersPage(r)},
		{"expressions.md", generated + expressionsPage()},
	}, providerPages()...)
	for i := range pages {
		pages[i].Markdown = wrapped(pages[i].Markdown)
	}
	return pages
}

func (d *describer) flowFilePage() string {
	return strings.NewReplacer(
		"<!-- fields of a flow -->\n", configTable(d.definitionFields()),
		"<!-- fields of a node -->\n", configTable(d.nodeFields()),
	).Replace(flowFileText)
}

func (d *describer) nodesPage(r *kind.Registry) string {
	var page strings.Builder
	page.WriteString("# Node kinds\n\n" +
		"A kind is what `type` names. Below stand the fields of `config`; what every node has besides is in [the " +
		"flow file](flow-file.md#nodes).\n\n" +
		takesLegend)
	specs := specsByGroup(r)
	page.WriteString("\n| Kind | What it is for |\n| --- | --- |\n")
	for _, spec := range specs {
		fmt.Fprintf(&page, "| [`%s`](#%s) | %s |\n", spec.Kind, spec.Kind, cell(spec.Summary))
	}
	var group kind.Group
	for _, spec := range specs {
		if spec.Group != group {
			group = spec.Group
			fmt.Fprintf(&page, "\n## %s\n", group)
		}
		page.WriteString("\n")
		k, _ := r.Kind(spec.Kind)
		d.kindSection(&page, spec, k)
	}
	return page.String()
}

// specsByGroup gives the specs of all kinds: the known groups first, and in each the order of registration.
func specsByGroup(r *kind.Registry) []kind.Spec {
	groups := []kind.Group{kind.Control, kind.Calculating, kind.Callbacks, kind.Effects, kind.Answers}
	var specs []kind.Spec
	for _, kind := range r.Kinds() {
		spec := kind.Spec()
		if !slices.Contains(groups, spec.Group) {
			groups = append(groups, spec.Group)
		}
		specs = append(specs, spec)
	}
	slices.SortStableFunc(specs, func(a, b kind.Spec) int {
		return slices.Index(groups, a.Group) - slices.Index(groups,
			b.Group)
	})
	return specs
}

func (d *describer) kindSection(page *strings.Builder, spec kind.Spec, k kind.Kind) {
	fmt.Fprintf(page, "### %s\n\n%s\n\n", spec.Kind, spec.Summary)
	fmt.Fprintf(page, "```yaml node\n%s\n```\n\n", strings.TrimSpace(spec.Example))
	fields, _ := d.structure(reflect.TypeOf(k).Elem())
	page.WriteString(configTable(fields))
	branchLines(page, spec)
	labelled(page, "Result", spec.Result)
	memberTable(page, spec.Members)
	labelled(page, "Failures", spec.Failures)
	if spec.Effect != nil {
		labelled(page, "Effect",
			fmt.Sprintf("One attempt may take %s and there are %d attempts, unless the node's `timeout` and `retry` "+
				"say otherwise. Templates may name secrets.",
				shortDuration(spec.Effect.Timeout), spec.Effect.MaxAttempts))
	}
}

// labelled writes a paragraph, if there is something to say.
func labelled(page *strings.Builder, label, text string) {
	if text != "" {
		fmt.Fprintf(page, "\n**%s**: %s\n", label, text)
	}
}

// memberTable lists the members of a result, those below them with their path.
func memberTable(page *strings.Builder, members []kind.Member) {
	if len(members) == 0 {
		return
	}
	page.WriteString("\n| Member | Type | |\n| --- | --- | --- |\n")
	memberRows(page, "", members)
}

func memberRows(page *strings.Builder, above string, members []kind.Member) {
	for _, member := range members {
		of := member.Type
		if of == "" && member.Members != nil {
			of = expression.Mapping
		}
		fmt.Fprintf(page, "| `%s%s` | %s | %s |\n", above, member.Name, of, cell(member.Summary))
		below := above + member.Name + "."
		if of == expression.List {
			below = above + member.Name + "[]."
		}
		memberRows(page, below, member.Members)
	}
}

func branchLines(page *strings.Builder, spec kind.Spec) {
	if len(spec.Branches) == 0 && !spec.NamedBranches {
		return
	}
	var branches []string
	for _, branch := range spec.Branches {
		text := "`" + branch.Name + "`, " + branch.Summary
		if branch.Required {
			text += " (required)"
		}
		branches = append(branches, text)
	}
	if spec.NamedBranches {
		branches = append(branches, "those that you name")
	}
	labelled(page, "Branches", strings.Join(branches, "; ")+".")
}

func (d *describer) triggersPage(r *kind.Registry) string {
	var page strings.Builder
	page.WriteString("# Trigger kinds\n\nThe fields of a trigger stand beside its `type`.\n\n" + takesLegend)
	for _, trigger := range r.Triggers() {
		spec := trigger.Spec()
		fmt.Fprintf(&page, "\n## %s\n\n%s\n\n```yaml trigger\n%s\n```\n\n", spec.Kind, spec.Summary,
			strings.TrimSpace(spec.Example))
		fields, _ := d.structure(reflect.TypeOf(trigger).Elem())
		page.WriteString(configTable(fields))
		labelled(&page, "Data", "`trigger` holds "+spec.Data)
	}
	return page.String()
}

func expressionsPage() string {
	var list strings.Builder
	group := ""
	for _, f := range expression.Functions() {
		if f.Group != group {
			group = f.Group
			fmt.Fprintf(&list, "\n### %s\n\n| Function | Gives | Example | Result |\n| --- | --- | --- | --- |\n",
				group)
		}
		fmt.Fprintf(&list, "| %s | %s | %s | %s |\n", code(f.Signature), cell(f.Doc), code(f.Example), code(f.Result))
	}
	return strings.NewReplacer(
		"<!-- functions -->\n", list.String(),
		"<!-- limits -->\n", fmt.Sprintf("An expression has at most %d KiB and %s parts, and its brackets nest at "+
			"most %d deep. One evaluation of a field may do %s units of work, "+
			"one for an operation, an element that is looked at, or sixteen bytes of text that are read, and "+
			"produce %s of data; more is an error of that node.\n",
			expression.MaxSource>>10, thousands(expression.MaxSyntaxNodes), expression.MaxNesting,
			thousands(expression.MaxUnits), everhook.Size(expression.MaxBytes)),
	).Replace(expressionsText)
}

// takesLegend explains the second column of the tables.
const takesLegend = "What a field takes is an *expression*, written bare; a *template*, whose texts may hold `{{ " +
	"expression }}`; or else a literal, which is never evaluated. " +
	"See [expressions](expressions.md).\n"

// configTable is a table of fields, those of structs below them with their path.
func configTable(fields []configField) string {
	if len(fields) == 0 {
		return "There is nothing to configure.\n"
	}
	var table strings.Builder
	table.WriteString("| Field | Takes | Default | |\n| --- | --- | --- | --- |\n")
	configRows(&table, "", fields)
	return table.String()
}

func configRows(table *strings.Builder, above string, fields []configField) {
	for _, field := range fields {
		standard := ""
		switch {
		case field.required:
			standard = "required"
		case field.standard != nil:
			standard = code(fmt.Sprint(field.standard))
		}
		doc := field.doc
		if rest, ok := strings.CutPrefix(doc, field.name+" "); ok {
			doc = "`" + field.name + "` " + rest
		}
		fmt.Fprintf(table, "| `%s%s` | %s | %s | %s |\n", above, field.name, cell(field.takes), standard, cell(doc))
		configRows(table, above+field.path+".", field.below)
	}
}

// cell makes a text fit into a table: outside of code, "<" would begin a tag.
func cell(text string) string {
	parts := strings.Split(text, "`")
	for i := 0; i < len(parts); i += 2 {
		parts[i] = strings.ReplaceAll(parts[i], "<", "&lt;")
	}
	return strings.ReplaceAll(strings.Join(parts, "`"), "|", `\|`)
}

// code is text as code in a table. Code with backticks in it takes two around it (CommonMark).
func code(text string) string {
	around := "`"
	if strings.Contains(text, "`") {
		around = "``"
	}
	return around + strings.ReplaceAll(text, "|", `\|`) + around
}

func thousands(n int) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
