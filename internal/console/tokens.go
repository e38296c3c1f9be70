package console

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/api"
)

type tokensBody struct {
	editing
	Tokens []tokenRow
}

// tokenRow is a token with its state.
type tokenRow struct {
	access.Token
	// State is valid, revoked or expired.
	State string
}

func (c *console) tokens(w http.ResponseWriter, r *http.Request) { c.showTokens(w, r, nil, nil) }

// showTokens shows the tokens after a change, or the problem with it.
func (c *console) showTokens(w http.ResponseWriter, r *http.Request, made *once, wrong error) {
	ctx, cancel := context.WithTimeout(r.Context(), api.ReadTimeout)
	defer cancel()
	body := tokensBody{editing: c.editing(r, wrong, made)}
	all, err := c.options.Access.Tokens(ctx)
	if err != nil {
		c.refuse(w, r, http.StatusServiceUnavailable, "The tokens cannot be listed", err.Error())
		return
	}
	for _, token := range all {
		row := tokenRow{token, "valid"}
		switch {
		case !token.Revoked.IsZero():
			row.State = "revoked"
		case !token.Expires.IsZero() && !body.Now.Before(token.Expires):
			row.State = "expired"
		}
		body.Tokens = append(body.Tokens, row)
	}
	c.show(w, r, statusOf(wrong), "tokens", c.page(r, "Tokens", body))
}

func (c *console) createToken(w http.ResponseWriter, r *http.Request) {
	if !c.form(w, r) {
		return
	}
	form := r.PostForm
	input := access.NewToken{Name: strings.TrimSpace(form.Get("name")), Role: access.Role(form.Get("role")),
		Labels: words(form.Get("labels")), Flows: words(form.Get("flows"))}
	until := "it does not expire"
	// A year, unless the form says otherwise: the page offers "never" too.
	if days, err := strconv.Atoi(form.Get("days")); err != nil || days != 0 {
		if err != nil || days < 0 || days > 3650 {
			days = 365
		}
		input.Expires = time.Now().AddDate(0, 0, days)
		until = minute(input.Expires)
	}
	_, secret, err := c.options.Access.CreateToken(r.Context(), input)
	if err != nil {
		c.showTokens(w, r, nil, err)
		return
	}
	c.showTokens(w, r, &once{"Token " + input.Name, secret, until}, nil)
}

func (c *console) revokeToken(w http.ResponseWriter, r *http.Request) {
	err := c.options.Access.RevokeToken(r.Context(), r.PathValue("id"))
	c.done(w, r, "/tokens", err, c.showTokens)
}
