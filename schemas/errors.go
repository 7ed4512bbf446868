package schemas

import (
	"errors"
	"fmt"
	"strings"
)

// Kind says which sort of failure an Error is; every door translates it by one
// table (gateway/problem). The zero value is Internal, so that a forgotten
// Kind never tells a stranger more than an id.
type Kind uint8

// The closed list of kinds.
const (
	Internal        Kind = iota // a fault of ours; the caller sees an id only
	Invalid                     // the input is wrong; Fields says where
	Unauthenticated             // no caller, or a token that is expired, forged or not for us
	Denied                      // known and visible, but not allowed; Reasons and Remedy say why
	NotFound                    // unknown, or not visible to the caller: the same answer for both
	Conflict                    // contradicts what is stored
	Precondition                // If-Match names another revision than the stored one
	Gone                        // was there, ended: withdrawn, revoked, expired, changed under us
	TooLarge                    // beyond a stated limit
	Busy                        // not ready yet or too many at once; retry after RetryAfter
	Unavailable                 // something we depend on (store, database, issuer) does not answer
)

// Kinds lists every Kind, for exhaustive tests of the doors' tables.
func Kinds() []Kind {
	return []Kind{Internal, Invalid, Unauthenticated, Denied, NotFound, Conflict, Precondition, Gone, TooLarge, Busy, Unavailable}
}

// String is the kind's name as it stands in problem types and in records.
func (k Kind) String() string {
	switch k {
	case Invalid:
		return "invalid"
	case Unauthenticated:
		return "unauthenticated"
	case Denied:
		return "denied"
	case NotFound:
		return "not-found"
	case Conflict:
		return "conflict"
	case Precondition:
		return "precondition"
	case Gone:
		return "gone"
	case TooLarge:
		return "too-large"
	case Busy:
		return "busy"
	case Unavailable:
		return "unavailable"
	default:
		return "internal"
	}
}

// FieldError is one fault in an input: Pointer is a JSON pointer (RFC 6901)
// into the body, or the name of a query parameter.
type FieldError struct {
	Pointer string `json:"pointer" doc:"JSON pointer into the body, or the name of a query parameter"`
	Message string `json:"message"`
}

// Reason is one rule's word in a decision or refusal. It names rules and facts
// about the caller, never other parties [decisions.md 3].
type Reason struct {
	Rule   string `json:"rule" doc:"id of the rule, e.g. eu.ehds.purpose"`
	Source string `json:"source" doc:"where the rule comes from: offer, space baseline, EU law with article"`
	Text   string `json:"text" doc:"the reason in words"`
	Remedy string `json:"remedy,omitempty" doc:"what would turn this no into a yes"`
}

// Error is the one error type that crosses package borders. Subject, Message,
// Reasons, Remedy and Fields are for the caller; Err is for the log alone.
type Error struct {
	Kind    Kind
	Subject string // what it is about: an id, a key, a parameter
	Message string // one sentence for a tired person; empty for Internal
	Reasons []Reason
	Remedy  string       // what the caller can do
	Fields  []FieldError // for Invalid
	Err     error        // cause, never shown to the caller
}

// Error is the log's line: everything, the cause included.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Kind.String())
	if e.Subject != "" {
		fmt.Fprintf(&b, " %s", e.Subject)
	}
	if e.Message != "" {
		fmt.Fprintf(&b, ": %s", e.Message)
	}
	for _, f := range e.Fields {
		fmt.Fprintf(&b, " [%s: %s]", f.Pointer, f.Message)
	}
	for _, r := range e.Reasons {
		fmt.Fprintf(&b, " (%s: %s)", r.Rule, r.Text)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	return b.String()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf finds the Kind through any wrapping; an error without one is Internal.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// Errorf makes an Error of kind k about subject with a message for the caller.
// A %w verb keeps the cause for the log.
func Errorf(k Kind, subject, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Kind: k, Subject: subject, Message: err.Error(), Err: errors.Unwrap(err)}
}

// BadField is an Invalid error with one fault.
func BadField(subject, pointer, format string, args ...any) *Error {
	m := fmt.Sprintf(format, args...)
	return &Error{Kind: Invalid, Subject: subject, Message: m, Fields: []FieldError{{Pointer: pointer, Message: m}}}
}

// Refuse is a Denied error with one reason, whose text and remedy are also those of the
// error: rule and source as in Reason. The remedy may be empty where nothing helps.
func Refuse(subject, rule, source, text, remedy string) *Error {
	return &Error{Kind: Denied, Subject: subject, Message: text, Remedy: remedy,
		Reasons: []Reason{{Rule: rule, Source: source, Text: text, Remedy: remedy}}}
}

// Problem is the RFC 9457 body. It is an error too, so that huma passes it on.
type Problem struct {
	Type     string       `json:"type" doc:"urn:guichet:problem: and the kind"`
	Title    string       `json:"title"`
	Status   int          `json:"status"`
	Detail   string       `json:"detail,omitempty"`
	Instance string       `json:"instance,omitempty" doc:"id of this occurrence, for the operator's log"`
	Subject  string       `json:"subject,omitempty"`
	Errors   []FieldError `json:"errors,omitempty"`
	Reasons  []Reason     `json:"reasons,omitempty"`
	Remedy   string       `json:"remedy,omitempty"`
}

func (p *Problem) Error() string { return p.Title + ": " + p.Detail }

// GetStatus is for huma.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is for huma.
func (*Problem) ContentType(string) string { return "application/problem+json" }
