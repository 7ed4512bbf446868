package schemas

// Page is the part of an answer that is one page of a list.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty" doc:"opaque cursor of the next page; absent at the end"`
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

// Identity is who the gateway takes a caller for.
type Identity struct {
	Issuer      string        `json:"iss"`
	Subject     string        `json:"sub"`
	Participant ParticipantID `json:"participant,omitempty" doc:"absent while no participant has the caller as a member"`
	Roles       []Role        `json:"roles" doc:"what token, issuer and membership give together"`
}
