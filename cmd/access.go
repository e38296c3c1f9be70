package cmd

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/api"
)

// Paths of the admin API for people and tokens.
const (
	pathTokens = "/api/v1/tokens"
	pathPeople = "/api/v1/people"
)

type tokenCommands struct {
	List   tokenList   `cmd:"" help:"List the tokens, the latest first."`
	Create tokenCreate `cmd:"" help:"Make a token, and print its text, which is shown only once."`
	Revoke tokenRevoke `cmd:"" help:"Revoke a token: it is refused at once."`
}

type tokenList struct {
	serverFlags `embed:""`
	printed     `embed:""`
}

func (c *tokenList) Run(ctx context.Context, s streams) error {
	return showList(ctx, s.out, &c.serverFlags, pathTokens, c.printed, func(w io.Writer, list api.TokenList) {
		fmt.Fprintln(w, "ID\tNAME\tROLE\tLIMIT\tEXPIRES\tUSED\tSTATE")
		for _, t := range list.Tokens {
			state := "valid"
			switch {
			case !t.Revoked.IsZero():
				state = "revoked"
			case !t.Expires.IsZero() && t.Expires.Before(time.Now()):
				state = "expired"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", t.ID, printable(t.Name), t.Role,
				limit(append(t.Labels, t.Flows...)), day(t.Expires), day(t.Used), state)
		}
	})
}

type tokenCreate struct {
	serverFlags `embed:""`
	Name        string            `arg:"" help:"Name of the token."`
	Role        string            `required:"" placeholder:"ROLE" help:"What it may do: caller, viewer, operator, editor or admin."`
	Label       []string          `placeholder:"LABEL" help:"Only flows with one of these labels; repeatable."`
	Flow        []string          `placeholder:"KEY" help:"Flows that a caller may start; repeatable."`
	Expires     everhook.Duration `default:"90d" placeholder:"DURATION" help:"How long it is valid. Default 90d."`
	Forever     bool              `help:"Make a token that does not expire."`
	printed     `embed:""`
}

func (c *tokenCreate) Run(ctx context.Context, s streams) error {
	wanted := api.NewToken{Name: c.Name, Role: c.Role, Labels: c.Label, Flows: c.Flow, Forever: c.Forever}
	if !c.Forever {
		wanted.Expires = time.Now().Add(c.Expires.Std()).UTC()
	}
	data, err := c.post(ctx, pathTokens, nil, wanted)
	if err != nil {
		return err
	}
	return show(&c.serverFlags, c.printed, s.out, data, func(created api.CreatedToken) error {
		_, err := fmt.Fprintln(s.out, created.Secret)
		return err
	})
}

type tokenRevoke struct {
	serverFlags `embed:""`
	ID          string `arg:"" help:"ID of the token, as token list shows it."`
}

func (c *tokenRevoke) Run(ctx context.Context) error {
	_, err := c.send(ctx, http.MethodDelete, pathTokens+"/"+url.PathEscape(c.ID), nil, nil)
	return err
}

type personCommands struct {
	List   personList   `cmd:"" help:"List the people."`
	Invite personInvite `cmd:"" help:"Invite a person, or again with --id, and print the link, which is shown only once."`
	Change personChange `cmd:"" help:"Change the rights of a person, at once."`
	Remove personRemove `cmd:"" help:"Remove a person."`
}

type personList struct {
	serverFlags `embed:""`
	printed     `embed:""`
}

func (c *personList) Run(ctx context.Context, s streams) error {
	return showList(ctx, s.out, &c.serverFlags, pathPeople, c.printed, func(w io.Writer, list api.PersonList) {
		fmt.Fprintln(w, "ID\tNAME\tEMAIL\tROLE\tLIMIT\tSEEN\tSTATE")
		for _, p := range list.People {
			state := "active"
			switch {
			case p.Disabled:
				state = "disabled"
			case p.Joined.IsZero():
				state = "invited"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", p.ID, printable(p.Name), printable(p.Email), p.Role,
				limit(p.Labels), day(p.Seen), state)
		}
	})
}

type personInvite struct {
	serverFlags `embed:""`
	Email       string   `arg:"" optional:"" help:"Email address."`
	Name        string   `placeholder:"NAME" help:"Name of the person."`
	Role        string   `placeholder:"ROLE" help:"What the person may do: viewer, operator, editor or admin."`
	Label       []string `placeholder:"LABEL" help:"Only flows with one of these labels; repeatable."`
	ID          string   `name:"id" placeholder:"ID" help:"Make a new link for this person, for example after a lost passkey."`
}

func (c *personInvite) Run(ctx context.Context, s streams) error {
	var data json.RawMessage
	var err error
	switch {
	case c.ID != "" && c.Email != "":
		return fmt.Errorf("an email address is for a new person, --id for one who is known; give one of them")
	case c.ID != "":
		data, err = c.send(ctx, http.MethodPost, pathPeople+"/"+url.PathEscape(c.ID)+"/invitation", nil, nil)
	default:
		data, err = c.post(ctx, pathPeople, nil, api.NewPerson{Name: c.Name, Email: c.Email, Role: c.Role,
			Labels: c.Label})
	}
	if err != nil {
		return err
	}
	var invited api.Invitation
	if err := c.decode(data, &invited); err != nil {
		return err
	}
	link := invited.Link
	if strings.HasPrefix(link, "/") {
		link = strings.TrimRight(c.Server, "/") + link
	}
	_, err = fmt.Fprintln(s.out, link)
	return err
}

type personChange struct {
	serverFlags `embed:""`
	ID          string   `arg:"" help:"ID of the person, as person list shows it."`
	Name        *string  `placeholder:"NAME" help:"New name."`
	Role        *string  `placeholder:"ROLE" help:"New role."`
	Label       []string `placeholder:"LABEL" help:"New labels; repeatable."`
	Everywhere  bool     `help:"End the limit to labels."`
	Disable     bool     `xor:"able" help:"Keep the person from signing in, and end the sessions."`
	Enable      bool     `xor:"able" help:"Let the person sign in again."`
}

func (c *personChange) Run(ctx context.Context) error {
	change := api.PersonChange{Name: c.Name, Role: c.Role}
	if c.Everywhere || len(c.Label) > 0 {
		labels := append([]string{}, c.Label...)
		change.Labels = &labels
	}
	if c.Disable || c.Enable {
		change.Disabled = &c.Disable
	}
	data, err := everhook.EncodeJSON(change)
	if err != nil {
		return err
	}
	_, err = c.send(ctx, http.MethodPut, pathPeople+"/"+url.PathEscape(c.ID), nil, strings.NewReader(string(data)))
	return err
}

type personRemove struct {
	serverFlags `embed:""`
	ID          string `arg:"" help:"ID of the person, as person list shows it."`
}

func (c *personRemove) Run(ctx context.Context) error {
	_, err := c.send(ctx, http.MethodDelete, pathPeople+"/"+url.PathEscape(c.ID), nil, nil)
	return err
}

// showList asks for a list and prints it.
func showList[T any](ctx context.Context, out io.Writer, server *serverFlags, path string, p printed,
	table func(w io.Writer, list T)) error {
	data, err := server.ask(ctx, path, nil)
	if err != nil {
		return err
	}
	return show(server, p, out, data, func(list T) error {
		w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		table(w, list)
		return w.Flush()
	})
}

func limit(words []string) string {
	if len(words) == 0 {
		return "-"
	}
	return printable(strings.Join(words, ","))
}

func day(at time.Time) string {
	if at.IsZero() {
		return "-"
	}
	return at.UTC().Format("2006-01-02 15:04")
}
