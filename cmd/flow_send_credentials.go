package cmd

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/signature"
	"github.com/everhook/everhook/nodes/trigger"
)

// credential authenticates a call of a webhook. There is one for each kind of credential and of signature that a
// trigger can require.
type credential interface {
	// show adds the credential to a request. The body is given because signatures cover its bytes. Show is called once
	// for every request: the delivery, and the polls for its answer, whose body is nil.
	show(request *http.Request, body []byte) error
}

// credentialsOf returns one credential for each check of a webhook. It is the only function that knows all kinds.
func credentialsOf(webhook *trigger.WebhookCalls, secret func(name string) (string, error)) []credential {
	var all []credential
	if users := webhook.Auth.Basic; len(users) > 0 {
		all = append(all, basicCredential{users, secret})
	}
	if bearer := webhook.Auth.Bearer; bearer != nil {
		all = append(all, headerCredential{"Authorization", "Bearer ", bearer.Credentials(), secret})
	}
	if key := webhook.Auth.APIKey; key != nil {
		all = append(all, headerCredential{key.Header, "", key.Credentials(), secret})
	}
	if signed := webhook.Signature; signed != nil {
		all = append(all, signedCredential{signed.Preset(), signed.Secrets, secret})
	}
	return all
}

// basicCredential is HTTP basic authentication with the first user whose password is known.
type basicCredential struct {
	users  []trigger.WebhookUser
	secret func(name string) (string, error)
}

func (c basicCredential) show(request *http.Request, _ []byte) error {
	passwords := make([]trigger.Credential, len(c.users))
	for i, user := range c.users {
		passwords[i] = user.Password
	}
	known, password, err := first(passwords, c.secret)
	if err == nil {
		request.SetBasicAuth(c.users[known].Username, password)
	}
	return err
}

// headerCredential is a header with the first text that is known.
type headerCredential struct {
	name, prefix string
	values       []trigger.Credential
	secret       func(name string) (string, error)
}

func (c headerCredential) show(request *http.Request, _ []byte) error {
	_, value, err := first(c.values, c.secret)
	if err == nil {
		request.Header.Set(c.name, c.prefix+value)
	}
	return err
}

// signedCredential signs deliveries as the provider does, with the first secret that is known. Polls for answers are
// not signed.
type signedCredential struct {
	preset  signature.Preset
	secrets []trigger.Credential
	secret  func(name string) (string, error)
}

func (c signedCredential) show(request *http.Request, body []byte) error {
	if body == nil {
		return nil
	}
	secret, err := "", error(nil)
	if c.preset.TakesSecrets() {
		if _, secret, err = first(c.secrets, c.secret); err != nil {
			return err
		}
	}
	signed, err := c.preset.Sign(signature.Delivery{
		ID: string(everhook.NewRunID()), SentAt: time.Now(), Body: body, Method: request.Method,
		Base: request.URL.Scheme + "://" + request.URL.Host, Target: request.URL.RequestURI(),
		Header: request.Header.Values,
	}, secret)
	if err != nil {
		return fmt.Errorf("the delivery cannot be signed: %w", err)
	}
	for name, value := range signed.Headers {
		request.Header.Set(name, value)
	}
	_, request.URL.RawQuery, _ = strings.Cut(signed.Target(request.URL.RequestURI()), "?")
	request.ContentLength = int64(len(signed.Body))
	request.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(signed.Body)), nil }
	request.Body, err = request.GetBody()
	return err
}

// first returns the first known credential and its index. If none is known, it returns the error of the first.
func first(credentials []trigger.Credential,
	secret func(name string) (string, error)) (which int, text string, err error) {
	for i, c := range credentials {
		text, failed := reveal(c, secret)
		if failed == nil {
			return i, text, nil
		}
		if err == nil {
			err = failed
		}
	}
	return 0, "", err
}

// reveal returns the text of a credential.
func reveal(c trigger.Credential, secret func(name string) (string, error)) (string, error) {
	if c.Secret == "" {
		return c.Literal, nil
	}
	return secret(c.Secret)
}
