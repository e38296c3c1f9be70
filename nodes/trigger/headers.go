package trigger

import (
	"fmt"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
)

// CheckHeaders checks the headers of an answer: their names, and where a redirect leads. The pointer is the config's.
func CheckHeaders(v *kind.Validation, pointer string, status *expression.Template[int], headers *expression.Headers) {
	v.Headers(pointer+"/headers", headers.Keys(), everhook.CheckAnswerHeader)
	location, literal, found := headers.Entry("Location")
	if code, ok := status.Literal(); ok && everhook.IsRedirect(code) && !found && !headers.Computed() {
		v.Error(pointer+"/status", fmt.Sprintf("a redirect (%d) without the header Location leads nowhere", code),
			"add `headers: { Location: https://shop.example/thanks }`")
	}
	if literal {
		if err := everhook.CheckLocation(location); err != nil {
			v.Error(pointer+"/headers", err.Error(), "write for example https://shop.example/thanks")
		}
	}
	if source, foreign := headers.ForeignLocation(); foreign {
		v.Warn(pointer+"/headers", fmt.Sprintf("`{{ %s }}` decides to which host the redirect leads: if a caller can "+
			"choose it, the URL of this flow leads anywhere", source),
			"write the host itself, or compare the value with a list of hosts before")
	}
}
