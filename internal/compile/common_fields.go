package compile

import (
	"fmt"
	"slices"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/nodes/kind"
)

// common checks what every node has besides its config: branches, onError, timeout and retry.
func (c *compiler) common(node *Node, v *kind.Validation) {
	c.branchNames(node, v)
	switch node.OnError {
	case "", everhook.OnErrorFail, everhook.OnErrorContinue:
		if v.HasBranch(everhook.ErrorBranch) {
			v.Error("/branches/"+everhook.ErrorBranch, "the branch error never runs",
				"set `onError: branch` on the node")
		}
	case everhook.OnErrorBranch:
		if !v.HasBranch(everhook.ErrorBranch) {
			v.Error("/onError", "with onError: branch the node needs a branch error",
				"add `branches: { error: [ … ] }`, or set `onError: continue`")
		}
	default:
		v.Error("/onError", fmt.Sprintf("onError is %q", node.OnError), "write fail, continue or branch")
	}
	if node.Kind != nil && node.Spec.Effect == nil {
		if node.Timeout != 0 {
			v.Error("/timeout", fmt.Sprintf("nodes of kind %s have no attempts that could time out", node.Type),
				"remove it; options.timeout bounds the whole run")
		}
		if node.Retry != nil {
			v.Error("/retry", fmt.Sprintf("nodes of kind %s have no effect that could be tried again", node.Type),
				"remove it")
		}
		return
	}
	if node.Timeout.Std() > maxAttempt {
		v.Error("/timeout", "one attempt may take a day at most", "write at most 24h")
	}
	if node.Retry != nil {
		checkRetry(node.Retry, v)
	}
}

// Bounds of the attempts of an effect.
const (
	maxAttempt  = 24 * time.Hour
	maxAttempts = 100
	maxBackoff  = 10
)

func checkRetry(retry *everhook.Retry, v *kind.Validation) {
	if retry.MaxAttempts < 0 || retry.MaxAttempts > maxAttempts {
		v.Error("/retry/maxAttempts", fmt.Sprintf("%d attempts", retry.MaxAttempts), "write 1 to 100; 1 is no retry")
	}
	if retry.Backoff != 0 && (retry.Backoff < 1 || retry.Backoff > maxBackoff) {
		v.Error("/retry/backoff", fmt.Sprintf("the pause is multiplied by %v", retry.Backoff), "write 1 to 10")
	}
	if retry.MaxRetryAfter.Std() > maxAttempt {
		v.Error("/retry/maxRetryAfter", "a pause of more than a day", "write at most 24h")
	}
	checkCauses(retry.On, "/retry/on", v)
	checkCauses(retry.Never, "/retry/never", v)
	if i := slices.Index(retry.Never, activities.RetryDefault); i >= 0 {
		v.Error(fmt.Sprintf("/retry/never/%d", i), "nothing at all would be tried again",
			"write `maxAttempts: 1` instead")
	}
}

func checkCauses(causes []everhook.RetryCause, pointer string, v *kind.Validation) {
	for i, cause := range causes {
		switch cause {
		case activities.RetryDefault, activities.RetryConnect, activities.RetryTimeout:
			continue
		}
		if _, err := activities.ParseStatusRange(string(cause)); err != nil {
			v.Error(fmt.Sprintf("%s/%d", pointer, i), fmt.Sprintf("%q is nothing that can be tried again on",
				everhook.Shorten(string(cause), 40)),
				"write connect, timeout, default, or statuses as 503, 5xx or 500-504")
		}
	}
}

func (c *compiler) branchNames(node *Node, v *kind.Validation) {
	seen := map[string]bool{}
	var known []string
	for _, branch := range node.Spec.Branches {
		known = append(known, branch.Name)
		if nodes, ok := node.Branches.Get(branch.Name); branch.Required && (!ok || len(nodes) == 0) {
			v.Error("/branches", fmt.Sprintf("the branch %q is missing or empty", branch.Name),
				fmt.Sprintf("add `branches: { %s: [ … ] }`", branch.Name))
		}
	}
	for _, branch := range node.Branches {
		switch {
		case !everhook.IsNodeKey(branch.Name):
			v.Error("/branches/"+branch.Name, fmt.Sprintf("%q cannot be the name of a branch", branch.Name),
				"use letters, digits and _, not starting with a digit")
		case seen[branch.Name]:
			v.Error("/branches/"+branch.Name, fmt.Sprintf("two branches are called %q", branch.Name),
				"give each its own name")
		}
		seen[branch.Name] = true
	}
	if node.Kind == nil || node.Spec.NamedBranches {
		return
	}
	if len(known) == 0 && len(v.Branches()) > 0 {
		v.Error("/branches", fmt.Sprintf("nodes of kind %s have no branches but error", node.Type),
			"move the nodes below this one")
		return
	}
	v.OnlyBranches(known)
}
