package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/everhook/everhook/internal/secrets"
	"github.com/everhook/everhook/internal/server"
	"github.com/everhook/everhook/internal/store"
)

type secretCommands struct {
	Key    secretKeyCommand    `cmd:"" help:"Print a new key for the secrets in the store."`
	Set    secretSetCommand    `cmd:"" help:"Set a secret in the store; its value is read from standard input."`
	List   secretListCommand   `cmd:"" help:"List the secrets in the store, without their values."`
	Remove secretRemoveCommand `cmd:"" help:"Remove a secret from the store."`
	Rotate secretRotateCommand `cmd:"" help:"Encrypt all secrets in the store with the first key."`
}

// keyFlags say with which keys the secrets in the store are encrypted. They have the names of the server's own flags.
type keyFlags struct {
	SecretsKey     string `placeholder:"KEYS" help:"Keys of the secrets in the store; better set as EVERHOOK_SECRETS_KEY."`
	SecretsKeyFile string `placeholder:"FILE" help:"File with these keys, one a line, the current one first."`
}

func (k keyFlags) keys() (store.SecretKeys, error) {
	keys, err := server.SecretKeys(k.SecretsKey, k.SecretsKeyFile)
	if err == nil && keys == nil {
		err = errors.New("--secrets-key-file is missing; make a key with `everhook secret key >FILE`")
	}
	return keys, err
}

type secretKeyCommand struct{}

func (secretKeyCommand) Run(s streams) error {
	_, err := fmt.Fprintln(s.out, store.NewSecretKey())
	return err
}

type secretSetCommand struct {
	Name string `arg:"" help:"Name of the secret, for example API_TOKEN."`
	placeFlags
	keyFlags
}

func (c *secretSetCommand) Run(ctx context.Context, s streams) error {
	if !secrets.ValidName(c.Name) {
		return fmt.Errorf("%q is not a name of a secret; write capitals, digits and underscores, for example API_TOKEN",
			c.Name)
	}
	keys, err := c.keys()
	if err != nil {
		return err
	}
	data, err := io.ReadAll(io.LimitReader(s.in, secrets.MaxSize+3))
	if err != nil {
		return err
	}
	value := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	if err := secrets.CheckValue(c.Name, value); err != nil {
		return err
	}
	opened, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer opened.Close()
	if err := opened.SetSecret(ctx, keys, c.Name, value); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "%s is set.\n", c.Name)
	return err
}

type secretListCommand struct{ placeFlags }

func (c *secretListCommand) Run(ctx context.Context, s streams) error {
	opened, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer opened.Close()
	stored, err := opened.StoredSecrets(ctx)
	for _, one := range stored {
		fmt.Fprintf(s.out, "%s  %s  key %s\n", one.Name, one.SetAt.Format("2006-01-02 15:04"), one.Key)
	}
	return err
}

type secretRemoveCommand struct {
	Name string `arg:"" help:"Name of the secret."`
	placeFlags
}

func (c *secretRemoveCommand) Run(ctx context.Context, s streams) error {
	opened, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer opened.Close()
	if err := opened.RemoveSecret(ctx, c.Name); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "%s is removed.\n", c.Name)
	return err
}

type secretRotateCommand struct {
	placeFlags
	keyFlags
}

func (c *secretRotateCommand) Run(ctx context.Context, s streams) error {
	keys, err := c.keys()
	if err != nil {
		return err
	}
	opened, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer opened.Close()
	rotated, err := opened.RotateSecrets(ctx, keys)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "%d secrets are encrypted with the first key now; the others are no longer needed.\n",
		rotated)
	return err
}
