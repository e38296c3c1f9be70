package console

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/api"
)

// editable are the pages of people, tokens and the own account. They read forms, and work without a script.
func (c *console) editable(mux *http.ServeMux) {
	mux.HandleFunc("GET /people", c.people)
	mux.HandleFunc("POST /people", c.invite)
	mux.HandleFunc("POST /people/{id}", c.changePerson)
	mux.HandleFunc("GET /tokens", c.tokens)
	mux.HandleFunc("POST /tokens", c.createToken)
	mux.HandleFunc("POST /tokens/{id}", c.revokeToken)
	mux.HandleFunc("GET /account", c.account)
	mux.HandleFunc("POST /account/sessions/{id}", c.endSession)
	mux.HandleFunc("POST /account/passkeys/{name}", c.removePasskey)
}

// maxForm bounds a form of these pages.
const maxForm = 64 << 10

// once is a secret that a page shows this one time.
type once struct{ What, Text, Until string }

// editing is what the pages with forms have in common.
type editing struct {
	// Problem is what is wrong with the form that was sent.
	Problem string
	// Made is a link or a token that was just made.
	Made  *once
	Roles []access.Role
	// Form are the fields of the form that was not right.
	Form url.Values
	Now  time.Time
}

// form reads a form, or answers the request.
func (c *console) form(w http.ResponseWriter, r *http.Request) bool {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		c.refuse(w, r, http.StatusBadRequest, "This form cannot be read", err.Error())
		return false
	}
	return true
}

// words are the texts of a field, which commas separate.
func words(text string) (all []string) {
	for word := range strings.SplitSeq(text, ",") {
		if word = strings.TrimSpace(word); word != "" {
			all = append(all, word)
		}
	}
	return all
}

// statusOf is the status for an error of a change, 200 for none.
func statusOf(err error) int {
	switch {
	case err == nil:
		return http.StatusOK
	case errors.Is(err, access.ErrNotFound):
		return http.StatusNotFound
	case errors.Is(err, access.ErrTaken):
		return http.StatusConflict
	}
	if _, wrong := errors.AsType[*access.Wrong](err); wrong || errors.Is(err, access.ErrNoOwnPasskeys) {
		return http.StatusUnprocessableEntity
	}
	return http.StatusServiceUnavailable
}

func (c *console) editing(r *http.Request, err error, made *once) editing {
	e := editing{Made: made, Roles: access.Roles, Now: time.Now(), Form: url.Values{}}
	if err != nil {
		e.Problem, e.Form = err.Error(), r.PostForm
	}
	return e
}

type peopleBody struct {
	editing
	People []access.Person
}

func (c *console) people(w http.ResponseWriter, r *http.Request) { c.showPeople(w, r, nil, nil) }

// showPeople shows the people after a change, or the problem with it.
func (c *console) showPeople(w http.ResponseWriter, r *http.Request, made *once, wrong error) {
	ctx, cancel := context.WithTimeout(r.Context(), api.ReadTimeout)
	defer cancel()
	body := peopleBody{editing: c.editing(r, wrong, made)}
	body.Roles = access.Roles[1:] // people are no callers
	var err error
	if body.People, err = c.options.Access.People(ctx); err != nil {
		c.refuse(w, r, http.StatusServiceUnavailable, "The people cannot be listed", err.Error())
		return
	}
	c.show(w, r, statusOf(wrong), "people", c.page(r, "People", body))
}

func (c *console) invite(w http.ResponseWriter, r *http.Request) {
	if !c.form(w, r) {
		return
	}
	form := r.PostForm
	invited, err := c.options.Access.Invite(r.Context(), access.NewPerson{Name: strings.TrimSpace(form.Get("name")),
		Email: form.Get("email"), Role: access.Role(form.Get("role")), Labels: words(form.Get("labels"))})
	c.showInvited(w, r, invited, err)
}

// showInvited shows the link of an invitation.
func (c *console) showInvited(w http.ResponseWriter, r *http.Request, invited access.Invited, err error) {
	if err != nil {
		c.showPeople(w, r, nil, err)
		return
	}
	base := cmp.Or(c.options.Access.AdminURL, originOf(r))
	c.showPeople(w, r, &once{"Link for " + invited.Person.Name, base + invited.Path, minute(invited.Expires)}, nil)
}

// changePerson changes or removes a person, or makes a new link, as the button says.
func (c *console) changePerson(w http.ResponseWriter, r *http.Request) {
	if !c.form(w, r) {
		return
	}
	ctx, id, form := r.Context(), r.PathValue("id"), r.PostForm
	var err error
	switch form.Get("do") {
	case "invite":
		invited, err := c.options.Access.InviteAgain(ctx, id)
		c.showInvited(w, r, invited, err)
		return
	case "remove":
		err = c.options.Access.RemovePerson(ctx, id)
	default:
		_, err = c.options.Access.ChangePerson(ctx, id, personChange(form))
	}
	c.done(w, r, "/people", err, c.showPeople)
}

// personChange is what the form of a person says. The provider decides about its people, so their form has less fields.
func personChange(form url.Values) access.PersonChange {
	disabled := form.Has("disabled")
	change := access.PersonChange{Disabled: &disabled}
	if form.Has("role") {
		name, role := strings.TrimSpace(form.Get("name")), access.Role(form.Get("role"))
		labels := words(form.Get("labels"))
		change.Name, change.Role, change.Labels = &name, &role, &labels
	}
	return change
}

// done opens a page again after a change, so that reloading it does not repeat the change.
func (c *console) done(w http.ResponseWriter, r *http.Request, path string, err error,
	show func(http.ResponseWriter, *http.Request, *once, error)) {
	if err != nil {
		show(w, r, nil, err)
		return
	}
	http.Redirect(w, r, path, http.StatusSeeOther)
}
