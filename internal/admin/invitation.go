package admin

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/everhook/everhook/internal/access"
)

// openInvitation tells the script of the page for which person an invitation is.
func (s *site) openInvitation(w http.ResponseWriter, r *http.Request) {
	var input struct {
		Secret string `json:"secret"`
	}
	if !readScript(w, r, &input) {
		return
	}
	opened, err := s.Access.OpenInvitation(r.Context(), input.Secret)
	if err != nil {
		s.refusedScript(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, struct {
		First bool        `json:"first"`
		Name  string      `json:"name"`
		Email string      `json:"email"`
		Role  access.Role `json:"role"`
	}{opened.First, opened.Name, opened.Email, opened.Role})
}

// accept accepts an invitation with a password.
func (s *site) accept(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		refuse(w, malformed, "the form could not be read")
		return
	}
	// The page keeps the secret in its fragment, which browsers keep over a redirect.
	again := func(reason string) {
		http.Redirect(w, r, invitationPath+"?wrong="+reason, http.StatusSeeOther)
	}
	form := r.PostForm
	if form.Get("password") != form.Get("again") {
		again("differ")
		return
	}
	signedIn, err := s.Access.AcceptWithPassword(r.Context(), strings.TrimSpace(form.Get("secret")), access.Accepting{
		Name: strings.TrimSpace(form.Get("name")), Email: form.Get("email"), Password: form.Get("password")},
		s.clientOf(r))
	wrong, isWrong := errors.AsType[*access.Wrong](err)
	switch {
	case err == nil:
		s.setSession(w, r, signedIn)
		http.Redirect(w, r, "/", http.StatusSeeOther)
	case isWrong && wrong.Field == "password":
		again("weak")
	case isWrong:
		again(wrong.Field)
	case errors.Is(err, access.ErrUsed):
		s.wrong(r)
		again("used")
	case errors.Is(err, access.ErrTaken):
		again("taken")
	default:
		s.refused(w, r, err, again)
	}
}

// beginRegistration sends the options for the browser to make a passkey.
func (s *site) beginRegistration(w http.ResponseWriter, r *http.Request) {
	var input struct {
		Secret string `json:"secret"`
		Name   string `json:"name"`
		Email  string `json:"email"`
	}
	if !readScript(w, r, &input) {
		return
	}
	options, sealed, err := s.Access.BeginRegistration(r.Context(), s.originOf(r), input.Secret,
		access.Accepting{Name: input.Name, Email: input.Email})
	s.begun(w, r, options, sealed, err)
}

// acceptWithPasskey accepts an invitation with the browser's new passkey.
func (s *site) acceptWithPasskey(w http.ResponseWriter, r *http.Request) {
	var input struct {
		Secret     string          `json:"secret"`
		Credential json.RawMessage `json:"credential"`
	}
	if !readScript(w, r, &input) {
		return
	}
	signedIn, err := s.Access.AcceptWithPasskey(r.Context(), s.originOf(r), input.Secret, sealedOf(r), input.Credential,
		s.clientOf(r))
	s.opened(w, r, signedIn, "/", err)
}
