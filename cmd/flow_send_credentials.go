package cmd

import (
	"net/http"

	"github.com/everhook/everhook/nodes"
)

// credential shows a webhook that a call is from one of its callers. Each kind of credentials and of signatures that a trigger can ask for is one.
type credential interface {
	// show adds what the webhook asks for to a request, whose body is given because signatures are over its bytes. It is called once for every
	// request: the delivery, a POST, and the questions for its answer, which are GETs without a body.
	show(request *http.Request, body []byte) error
}

// credentialsOf gives all that a webhook asks of its callers; this is the one place that knows which there are.
func credentialsOf(webhook *nodes.Webhook, secret func(name string) (string, error)) []credential {
	var all []credential
	if users := webhook.Auth.Basic; len(users) > 0 {
		all = append(all, basicCredential{users, secret})
	}
	return all
}

// basicCredential is HTTP basic authentication as the first user whose password is known here: of a list, a caller has one.
type basicCredential struct {
	users  []nodes.WebhookUser
	secret func(name string) (string, error)
}

func (c basicCredential) show(request *http.Request, _ []byte) error {
	var missing error
	for _, user := range c.users {
		password, err := reveal(user.Password, c.secret)
		if err == nil {
			request.SetBasicAuth(user.Username, password)
			return nil
		}
		if missing == nil {
			missing = err
		}
	}
	return missing
}

// reveal gives the text of a credential.
func reveal(c nodes.Credential, secret func(name string) (string, error)) (string, error) {
	if c.Secret == "" {
		return c.Literal, nil
	}
	return secret(c.Secret)
}
