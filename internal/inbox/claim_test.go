package inbox_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/inbox"
)

func TestClaims(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	valid, over := now.Add(time.Hour), now
	claim := func(delivery, digest string, state inbox.State, expires time.Time) *inbox.Claim {
		return &inbox.Claim{Delivery: delivery, Digest: digest, State: state, Expires: expires}
	}
	own := func(state inbox.State) *inbox.Claim { return claim("new", "b", state, valid) }
	rerun := everhook.DuplicatePolicy{Rerun: true}
	same := everhook.DuplicatePolicy{SamePayload: true}
	for _, c := range []struct {
		name    string
		earlier *inbox.Claim
		policy  everhook.DuplicatePolicy
		// The verdicts on the direct way and on the way into the box.
		direct, put inbox.Verdict
		// Replaces: the claim is the new delivery's afterwards, on each way.
		directReplaces, putReplaces bool
	}{
		{"the first", nil, same, inbox.Proceed, inbox.Stored, true, true},
		{"its own", claim("new", "b", inbox.Tentative, valid), same, inbox.Proceed, inbox.Stored, true, true},
		{"one that expired", claim("old", "a", inbox.Settled, over), same, inbox.Proceed, inbox.Stored, true, true},
		{"one that waits does not expire", claim("old", "b", inbox.Waiting, over), rerun, inbox.Duplicate,
			inbox.Duplicate, false, false},
		{"one that waits", claim("old", "a", inbox.Waiting, valid), rerun, inbox.Duplicate, inbox.Duplicate, false,
			false},
		{"one that waits, with another body", claim("old", "a", inbox.Waiting, valid), same, inbox.Reused, inbox.Reused,
			false, false},
		{"a settled one", claim("old", "b", inbox.Settled, valid), same, inbox.Proceed, inbox.Duplicate, false, false},
		{"a settled one that may be run again", claim("old", "b", inbox.Settled, valid), rerun, inbox.Proceed,
			inbox.StoredDuplicate, false, true},
		{"a settled one, with another body", claim("old", "a", inbox.Settled, valid), same, inbox.Reused, inbox.Reused,
			false, false},
		{"one that may not be durable", claim("old", "b", inbox.Tentative, valid), same, inbox.Proceed,
			inbox.StoredDuplicate, false, true},
		{"one that may not be durable, with another body", claim("old", "a", inbox.Tentative, valid), same,
			inbox.Proceed, inbox.Unknown, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := &inbox.Entry{Delivery: "new", Digest: "b", Duplicates: &c.policy}
			verdict, made := inbox.Decide(c.earlier, e, true, now, valid)
			require.Equal(t, c.direct, verdict)
			if c.directReplaces {
				require.Equal(t, own(inbox.Tentative), made)
			} else {
				require.Nil(t, made)
			}
			verdict, made = inbox.Decide(c.earlier, e, false, now, valid)
			require.Equal(t, c.put, verdict)
			if c.putReplaces {
				require.Equal(t, own(inbox.Waiting), made)
			} else {
				require.Nil(t, made)
			}
		})
	}
}
