package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/everhook/everhook/internal/access"
)

const (
	personColumns = `id, name, email, subject, role, labels, password, disabled, created_at, joined_at, seen_at`
	selectPeople  = `SELECT ` + personColumns + ` FROM people`
	peopleByName  = selectPeople + ` ORDER BY name, id`
	selectPerson  = selectPeople + ` WHERE id = ?`
	personByEmail = selectPeople + ` WHERE email = ? AND subject = ''`
	personOfOIDC  = selectPeople + ` WHERE subject = ?`
	insertPerson  = `INSERT INTO people (` + personColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT DO NOTHING`
	updatePerson = `UPDATE people SET name = ?, email = ?, role = ?, labels = ?, password = ?, disabled = ?,
		joined_at = ? WHERE id = ?`
	deletePerson = `DELETE FROM people WHERE id = ?`

	invitationColumns = `id, hash, person, created_at, created_by, expires_at`
	insertInvitation  = `INSERT INTO invitations (` + invitationColumns + `) VALUES (?, ?, ?, ?, ?, ?)`
	selectInvitation  = `SELECT ` + invitationColumns + ` FROM invitations WHERE hash = ? AND expires_at > ?`
	deleteInvitations = `DELETE FROM invitations WHERE person = ?`
	countWaysIn       = `SELECT (SELECT count(*) FROM people) + (SELECT count(*) FROM tokens)`

	passkeyColumns = `id, person, credential, created_at, used_at`
	selectPasskeys = `SELECT ` + passkeyColumns + ` FROM passkeys WHERE person = ? ORDER BY created_at, id`
	insertPasskey  = `INSERT INTO passkeys (` + passkeyColumns + `) VALUES (?, ?, ?, ?, ?)`
	deletePasskeys = `DELETE FROM passkeys WHERE person = ?`
	usePasskey     = `UPDATE passkeys SET credential = ?, used_at = ? WHERE id = ? AND person = ?`
)

// personOf returns the ID of the person that an actor is.
func personOf(actor string) (id string, ok bool) { return strings.CutPrefix(actor, "person:") }

// People implements access.Store.
func (s *Store) People(ctx context.Context) ([]access.Person, error) {
	return collect(ctx, s.db, scanPerson, peopleByName)
}

// Person implements access.Store.
func (s *Store) Person(ctx context.Context, id string) (access.Person, error) {
	return s.person(ctx, selectPerson, id)
}

// PersonByEmail implements access.Store.
func (s *Store) PersonByEmail(ctx context.Context, email string) (access.Person, error) {
	return s.person(ctx, personByEmail, email)
}

func (s *Store) person(ctx context.Context, query, value string) (access.Person, error) {
	person, found, err := one(ctx, s.db, scanPerson, query, value)
	if err == nil && !found {
		err = noAccess("person", value)
	}
	return person, err
}

// Invite implements access.Store.
func (s *Store) Invite(ctx context.Context, person *access.Person, invitation access.Invitation) error {
	return s.change(ctx, func(tx *transaction) error {
		if err := tx.lockAccess(ctx); err != nil {
			return err
		}
		if person != nil {
			if err := tx.addPerson(ctx, *person); err != nil {
				return err
			}
			if err := tx.closeAccess(ctx, invitation.Created); err != nil {
				return err
			}
			if err := tx.recordPerson(ctx, "invite", *person); err != nil {
				return err
			}
		} else if err := tx.record(ctx, Change{Action: "invite", Object: "person",
			Name: invitation.Person}); err != nil {
			return err
		}
		return tx.addInvitation(ctx, invitation)
	})
}

func (tx *transaction) addPerson(ctx context.Context, p access.Person) error {
	changed, err := tx.exec(ctx, insertPerson, p.ID, p.Name, p.Email, p.Subject, string(p.Role), list(p.Labels),
		p.Password, flag(p.Disabled), moment(p.Created), moment(p.Joined), moment(p.Seen))
	return orElse(changed, err, fmt.Errorf("the email address is %w", access.ErrTaken))
}

// addInvitation adds an invitation in place of the earlier ones of its person.
func (tx *transaction) addInvitation(ctx context.Context, i access.Invitation) error {
	if _, err := tx.exec(ctx, deleteInvitations, i.Person); err != nil {
		return err
	}
	_, err := tx.exec(ctx, insertInvitation, i.ID, i.Hash, i.Person, moment(i.Created), i.CreatedBy, moment(i.Expires))
	return err
}

// OfferFirst implements access.Store.
func (s *Store) OfferFirst(ctx context.Context, invitation access.Invitation) (offered bool, err error) {
	err = s.change(ctx, func(tx *transaction) error {
		if offered, err = tx.noWayIn(ctx); err != nil || !offered {
			return err
		}
		return tx.addInvitation(ctx, invitation)
	})
	return offered && err == nil, err
}

// noWayIn reports whether there is no person and no token, not even a revoked one, and keeps others from adding one.
func (tx *transaction) noWayIn(ctx context.Context) (bool, error) {
	if err := tx.lockAccess(ctx); err != nil {
		return false, err
	}
	count, _, err := one(ctx, tx.conn, value[int64], countWaysIn)
	return count == 0, err
}

// Invitation implements access.Store.
func (s *Store) Invitation(ctx context.Context, hash []byte, now time.Time) (access.Invitation, error) {
	invitation, found, err := one(ctx, s.db, scanInvitation, selectInvitation, hash, moment(now))
	if err == nil && found && invitation.Person == "" {
		var count int64
		count, _, err = one(ctx, s.db, value[int64], countWaysIn)
		found = count == 0
	}
	if err == nil && !found {
		err = fmt.Errorf("the invitation is %w", access.ErrUsed)
	}
	return invitation, err
}

// Accept implements access.Store.
func (s *Store) Accept(ctx context.Context, hash []byte, now time.Time, person access.Person,
	passkey *access.Passkey) error {
	return s.change(ctx, func(tx *transaction) error {
		empty, err := tx.noWayIn(ctx)
		if err != nil {
			return err
		}
		invitation, found, err := one(ctx, tx.conn, scanInvitation, selectInvitation, hash, moment(now))
		switch {
		case err != nil:
			return err
		case !found || invitation.Person == "" && !empty || invitation.Person != "" && invitation.Person != person.ID:
			return fmt.Errorf("the invitation is %w", access.ErrUsed)
		case invitation.Person == "":
			err = tx.addPerson(ctx, person)
		default:
			err = tx.join(ctx, person, now)
		}
		if err != nil {
			return err
		}
		if err := tx.replacePasskeys(ctx, person.ID, passkey); err != nil {
			return err
		}
		if _, err := tx.exec(ctx, deleteInvitations, invitation.Person); err != nil {
			return err
		}
		if err := tx.closeAccess(ctx, now); err != nil {
			return err
		}
		return tx.recordPerson(ctx, "join", person)
	})
}

// join sets what an invited person signs in with. Role and labels stay those of the store.
func (tx *transaction) join(ctx context.Context, person access.Person, now time.Time) error {
	stored, found, err := one(ctx, tx.conn, scanPerson, selectPerson, person.ID)
	if err == nil && (!found || stored.Disabled) {
		err = fmt.Errorf("the invitation is %w", access.ErrUsed)
	}
	if err != nil {
		return err
	}
	stored.Password, stored.Joined = person.Password, now
	if err := tx.savePerson(ctx, stored); err != nil {
		return err
	}
	_, err = tx.exec(ctx, endActorSessions, moment(now), "person:"+person.ID)
	return err
}

func (tx *transaction) replacePasskeys(ctx context.Context, person string, passkey *access.Passkey) error {
	if _, err := tx.exec(ctx, deletePasskeys, person); err != nil || passkey == nil {
		return err
	}
	return tx.addPasskey(ctx, *passkey)
}

// ChangePasskeys implements access.Store.
func (s *Store) ChangePasskeys(ctx context.Context, person string,
	change func(all []access.Passkey) ([]access.Passkey, error)) error {
	return s.change(ctx, func(tx *transaction) error {
		if err := tx.lockAccess(ctx); err != nil {
			return err
		}
		stored, found, err := one(ctx, tx.conn, scanPerson, selectPerson, person)
		if err == nil && !found {
			err = noAccess("person", person)
		}
		if err != nil {
			return err
		}
		all, err := collect(ctx, tx.conn, scanPasskey, selectPasskeys, person)
		if err != nil {
			return err
		}
		kept, err := change(all)
		if err != nil {
			return err
		}
		if _, err := tx.exec(ctx, deletePasskeys, person); err != nil {
			return err
		}
		for _, passkey := range kept {
			if err := tx.addPasskey(ctx, passkey); err != nil {
				return err
			}
		}
		return tx.record(ctx, Change{Action: "passkeys", Object: "person", Name: person,
			Detail: map[string]any{"name": stored.Name, "before": len(all), "after": len(kept)}})
	})
}

func (tx *transaction) addPasskey(ctx context.Context, p access.Passkey) error {
	_, err := tx.exec(ctx, insertPasskey, p.ID, p.Person, string(p.Credential), moment(p.Created), moment(p.Used))
	return err
}

func (tx *transaction) savePerson(ctx context.Context, p access.Person) error {
	_, err := tx.exec(ctx, updatePerson, p.Name, p.Email, string(p.Role), list(p.Labels), p.Password, flag(p.Disabled),
		moment(p.Joined), p.ID)
	return err
}

// PutProviderPerson implements access.Store.
func (s *Store) PutProviderPerson(ctx context.Context, person access.Person) (stored access.Person, err error) {
	err = s.change(ctx, func(tx *transaction) error {
		if err := tx.lockAccess(ctx); err != nil {
			return err
		}
		found := false
		if stored, found, err = one(ctx, tx.conn, scanPerson, personOfOIDC, person.Subject); err != nil {
			return err
		}
		if !found {
			stored = person
			if err := tx.addPerson(ctx, person); err != nil {
				return err
			}
			return tx.recordPerson(ctx, "join", person)
		}
		before := stored
		stored.Name, stored.Email, stored.Role, stored.Labels = person.Name, person.Email, person.Role, person.Labels
		if err := tx.savePerson(ctx, stored); err != nil || sameRights(before, stored) {
			return err
		}
		return tx.recordPerson(ctx, "change", stored)
	})
	return stored, err
}

// recordPerson adds a line to the audit trail.
func (tx *transaction) recordPerson(ctx context.Context, action string, p access.Person) error {
	return tx.record(ctx, Change{Action: action, Object: "person", Name: p.ID, Detail: map[string]any{"name": p.Name,
		"email": p.Email, "role": p.Role, "labels": p.Labels, "disabled": p.Disabled}})
}

func sameRights(a, b access.Person) bool {
	return a.Name == b.Name && a.Email == b.Email && a.Role == b.Role && fmt.Sprint(a.Labels) == fmt.Sprint(b.Labels)
}

// ChangePerson implements access.Store.
func (s *Store) ChangePerson(ctx context.Context, id string,
	change func(person *access.Person, others []access.Person) error) (changed access.Person, err error) {
	err = s.changePerson(ctx, id, func(tx *transaction, person access.Person, others []access.Person) error {
		changed = person
		if err := change(&changed, others); err != nil {
			return err
		}
		if err := tx.savePerson(ctx, changed); err != nil {
			return err
		}
		return tx.recordPerson(ctx, "change", changed)
	})
	return changed, err
}

// RemovePerson implements access.Store.
func (s *Store) RemovePerson(ctx context.Context, id string,
	allowed func(person access.Person, others []access.Person) error) error {
	return s.changePerson(ctx, id, func(tx *transaction, person access.Person, others []access.Person) error {
		if err := allowed(person, others); err != nil {
			return err
		}
		for _, statement := range []string{deletePasskeys, deleteInvitations, deletePerson} {
			if _, err := tx.exec(ctx, statement, id); err != nil {
				return err
			}
		}
		return tx.recordPerson(ctx, "remove", person)
	})
}

func (s *Store) changePerson(ctx context.Context, id string,
	change func(tx *transaction, person access.Person, others []access.Person) error) error {
	return s.change(ctx, func(tx *transaction) error {
		if err := tx.lockAccess(ctx); err != nil {
			return err
		}
		people, err := collect(ctx, tx.conn, scanPerson, peopleByName)
		if err != nil {
			return err
		}
		var found *access.Person
		var others []access.Person
		for i, person := range people {
			if person.ID == id {
				found = &people[i]
			} else {
				others = append(others, person)
			}
		}
		if found == nil {
			return noAccess("person", id)
		}
		return change(tx, *found, others)
	})
}

// Passkeys implements access.Store.
func (s *Store) Passkeys(ctx context.Context, person string) ([]access.Passkey, error) {
	return collect(ctx, s.db, scanPasskey, selectPasskeys, person)
}

// UsePasskey implements access.Store.
func (s *Store) UsePasskey(ctx context.Context, passkey access.Passkey) error {
	return s.change(ctx, func(tx *transaction) error {
		_, err := tx.exec(ctx, usePasskey, string(passkey.Credential), moment(passkey.Used), passkey.ID, passkey.Person)
		return err
	})
}

func scanPerson(row scanner) (p access.Person, err error) {
	err = row.Scan(&p.ID, &p.Name, &p.Email, &p.Subject, &p.Role, (*list)(&p.Labels), &p.Password,
		(*flag)(&p.Disabled), (*moment)(&p.Created), (*moment)(&p.Joined), (*moment)(&p.Seen))
	p.Provider = p.Subject != ""
	return p, err
}

func scanInvitation(row scanner) (i access.Invitation, err error) {
	err = row.Scan(&i.ID, &i.Hash, &i.Person, (*moment)(&i.Created), &i.CreatedBy, (*moment)(&i.Expires))
	return i, err
}

func scanPasskey(row scanner) (p access.Passkey, err error) {
	var credential string
	err = row.Scan(&p.ID, &p.Person, &credential, (*moment)(&p.Created), (*moment)(&p.Used))
	p.Credential = []byte(credential)
	return p, err
}
