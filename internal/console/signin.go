package console

import (
	"net/http"

	"github.com/everhook/everhook/internal/admin"
)

const signInScript = "/signin.js"

// problems are the texts for the reasons in the query of the sign-in page and of the page of an invitation.
var problems = map[string]string{
	"token":         "That is not a valid token of this server.",
	"password":      "The email address or the password is wrong.",
	"passkey":       "This passkey is not known here, or it took too long. Try again.",
	"slow":          "There were too many wrong passwords for this person. Wait a minute.",
	"disabled":      "An admin has disabled you.",
	"provider":      "The sign-in at your organisation did not succeed. Try again.",
	"provider-away": "The sign-in service of your organisation does not answer. Try again later.",
	"no-role":       "Your organisation knows you, but you have no role here. Ask an admin.",
	"used":          "This link was used or replaced, or it has expired. Ask an admin for a new one.",
	"taken":         "This email address is already used.",
	"differ":        "The two passwords differ.",
	"name":          "Write your name, in at most 100 characters.",
	"email":         "This is not an email address.",
	"weak":          "The password needs 12 to 256 characters, at least five different ones, and must not be your email address.",
}

type signInBody struct {
	admin.SignIn
	// Problem is what was wrong; empty for nothing.
	Problem string
	// Token is set if the form for a token is open.
	Token bool
	// Next is the path to open after signing in; the server checks it.
	Next string
}

func (c *console) login(w http.ResponseWriter, r *http.Request) { c.signIn(w, r, "Sign in", "login") }

func (c *console) invitation(w http.ResponseWriter, r *http.Request) {
	c.signIn(w, r, "Join", "invitation")
}

func (c *console) signIn(w http.ResponseWriter, r *http.Request, title, name string) {
	query := r.URL.Query()
	wrong := query.Get("wrong")
	p := c.page(r, title, signInBody{SignIn: c.options.SignIn(r), Problem: problems[wrong], Token: wrong == "token",
		Next: query.Get("next")})
	p.Open, p.SignedIn, p.Script = false, false, signInScript
	c.show(w, r, http.StatusOK, name, p)
}
