package console

import (
	"context"
	"errors"
	"net/http"

	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/api"
)

// accountBody is how the person signs in, and where the person is signed in.
type accountBody struct {
	editing
	access.Account
	// Offered is set if browsers offer passkeys at this address.
	Offered  bool
	Sessions []sessionRow
	// All is set if the sessions are those of all people and tokens.
	All bool
	// MaySeeAll is set for admins.
	MaySeeAll bool
}

// sessionRow is a session with the name of its actor.
type sessionRow struct {
	access.Session
	Name string
	// Own is set for the session of this browser.
	Own bool
}

func (c *console) account(w http.ResponseWriter, r *http.Request) { c.showAccount(w, r, nil, nil) }

// showAccount shows the account of the actor after a change, or the problem with it.
func (c *console) showAccount(w http.ResponseWriter, r *http.Request, made *once, wrong error) {
	ctx, cancel := context.WithTimeout(r.Context(), api.ReadTimeout)
	defer cancel()
	actor := access.From(ctx)
	body := accountBody{editing: c.editing(r, wrong, made), Offered: c.options.SignIn(r).Passkeys,
		MaySeeAll: actor.MayEverywhere(access.Admin)}
	body.All = body.MaySeeAll && r.URL.Query().Has("all")
	var err error
	if body.Account, err = c.options.Access.Account(ctx); err != nil && !errors.Is(err, access.ErrNoOwnPasskeys) {
		c.refuse(w, r, http.StatusServiceUnavailable, "Your account cannot be read", err.Error())
		return
	}
	if body.Sessions, err = c.sessions(ctx, actor, body.All); err != nil {
		c.refuse(w, r, http.StatusServiceUnavailable, "The sessions cannot be listed", err.Error())
		return
	}
	p := c.page(r, "Your account", body)
	p.Script = signInScript
	c.show(w, r, statusOf(wrong), "account", p)
}

// sessions are the sessions of the actor, or all, with the names of their actors.
func (c *console) sessions(ctx context.Context, actor access.Actor, all bool) ([]sessionRow, error) {
	found, err := c.options.Access.Sessions(ctx, all)
	if err != nil {
		return nil, err
	}
	names := map[string]string{actor.ID: actor.Name, "token:admin": "admin token"}
	if all {
		people, err := c.options.Access.People(ctx)
		if err != nil {
			return nil, err
		}
		for _, person := range people {
			names["person:"+person.ID] = person.Name
		}
		tokens, err := c.options.Access.Tokens(ctx)
		if err != nil {
			return nil, err
		}
		for _, token := range tokens {
			names["token:"+token.ID] = token.Name
		}
	}
	rows := make([]sessionRow, len(found))
	for i, session := range found {
		rows[i] = sessionRow{session, names[session.Actor], session.ID == actor.Session}
	}
	return rows, nil
}

func (c *console) endSession(w http.ResponseWriter, r *http.Request) {
	path := "/account"
	if r.URL.Query().Has("all") {
		path += "?all"
	}
	c.done(w, r, path, c.options.Access.EndSession(r.Context(), r.PathValue("id")), c.showAccount)
}

func (c *console) removePasskey(w http.ResponseWriter, r *http.Request) {
	err := c.options.Access.RemoveOwnPasskey(r.Context(), r.PathValue("name"))
	c.done(w, r, "/account", err, c.showAccount)
}
