package everhook

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// headerName matches a token (RFC 9110, 5.6.2).
var headerName = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$")

var (
	// connectionHeaders belong to a connection (RFC 9110, 7.6.1): no flow can set them.
	connectionHeaders = []string{"connection", "content-length", "keep-alive", "proxy-connection", "te", "trailer",
		"transfer-encoding", "upgrade"}
	// clientHeaders are set by the client that sends a request, serverHeaders by the server that answers.
	clientHeaders = append([]string{"expect"}, connectionHeaders...)
	serverHeaders = append([]string{"proxy-authenticate", "proxy-authorization", "date", "server"},
		connectionHeaders...)
)

// ownHeaders is the prefix of the headers that Everhook adds to its replies.
const ownHeaders = "everhook-"

// CheckHeaderName checks that text can be the name of a header, of at most 256 characters.
func CheckHeaderName(name string) error {
	if !headerName.MatchString(name) {
		return fmt.Errorf("%q is not a name for a header", Shorten(name, 80))
	}
	return nil
}

// CheckRequestHeader checks the name of a header that a flow adds to a request.
func CheckRequestHeader(name string) error {
	if slices.Contains(clientHeaders, strings.ToLower(name)) {
		return fmt.Errorf("%s is set by the connection; leave it out", name)
	}
	return CheckHeaderName(name)
}

// CheckAnswerHeader checks the name of a header that a flow adds to an answer.
func CheckAnswerHeader(name string) error {
	lower := strings.ToLower(name)
	if slices.Contains(serverHeaders, lower) || strings.HasPrefix(lower, ownHeaders) {
		return fmt.Errorf("%s is set by the server; leave it out", name)
	}
	return CheckHeaderName(name)
}
