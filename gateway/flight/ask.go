package flight

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	pb "github.com/apache/arrow/go/v17/arrow/flight/gen/flight"

	"guichet/gateway/stream/plan"
	"guichet/schemas"
)

// asked is a descriptor that was read: the same keys as of /stream.
type asked struct {
	agreement schemas.AgreementID
	values    map[string]string
	ask       plan.Ask
	until     time.Time // of the ticket; zero where it came as a descriptor
}

func (a asked) get(key string) string { return a.values[key] }

// readPath reads a descriptor's path. Errors: Invalid naming the key.
func readPath(path []string) (asked, error) {
	if len(path) == 0 || path[0] == "" {
		return asked{}, schemas.BadField("stream", "path", "the descriptor's path begins with the agreement's id, then key=value texts")
	}
	a := asked{agreement: schemas.AgreementID(path[0]), values: map[string]string{}}
	for _, s := range path {
		if !schemas.IsText(s, 16<<10) {
			return asked{}, schemas.BadField("stream", "path", "the descriptor's path holds what is not text: bytes that are not UTF-8, or NUL")
		}
	}
	for _, s := range path[1:] {
		key, value, ok := strings.Cut(s, "=")
		if !ok {
			return a, schemas.BadField("stream", "path", "%q is not a key=value", s)
		}
		_, before := a.values[key]
		err := plan.CheckKey(plan.Keys(), key, before)
		if err != nil {
			return a, err
		}
		a.values[key] = value
	}
	var err error
	a.ask, err = plan.ParseAsk(a.get)
	return a, err
}

func readDescriptor(fd *pb.FlightDescriptor) (asked, error) {
	if fd.GetType() != pb.FlightDescriptor_PATH {
		return asked{}, schemas.BadField("stream", "type", "a descriptor here is a path: the agreement's id, then key=value texts")
	}
	return readPath(fd.GetPath())
}

// ticket is what a ticket says; it is opaque to clients.
type ticket struct {
	Path  []string  `json:"path"`
	Until time.Time `json:"until"`
}

func (d *Door) sign(body []byte) []byte {
	m := hmac.New(sha256.New, d.Key)
	m.Write(body)
	return m.Sum(nil)
}

// seal makes a ticket for an ask. It grants nothing: DoGet asks policy again.
func (d *Door) seal(a asked, until time.Time) (*pb.Ticket, error) {
	t := ticket{Path: []string{string(a.agreement)}, Until: until.UTC()}
	for _, k := range plan.Keys() {
		if v, said := a.values[k]; said {
			t.Path = append(t.Path, k+"="+v)
		}
	}
	body, err := json.Marshal(t)
	if err != nil {
		return nil, fmt.Errorf("write a ticket: %w", err)
	}
	return &pb.Ticket{Ticket: append(d.sign(body), body...)}, nil
}

// open reads a ticket. Errors: Invalid (not ours).
func (d *Door) open(p []byte) (asked, error) {
	forged := schemas.BadField("stream", "ticket", "this ticket was not made here; get one with GetFlightInfo")
	if len(p) < sha256.Size || !hmac.Equal(p[:sha256.Size], d.sign(p[sha256.Size:])) {
		return asked{}, forged
	}
	var t ticket
	err := json.Unmarshal(p[sha256.Size:], &t)
	if err != nil {
		return asked{}, forged
	}
	a, err := readPath(t.Path)
	a.until = t.Until
	return a, err
}

// over says that a ticket ended. It is asked after the lease, whose end it shares: who
// comes with a lease that expired must hear that, and a ticket that ended is only news
// to who comes with a new one. Errors: Precondition.
func (d *Door) over(a asked) error {
	if d.Now().Before(a.until) {
		return nil
	}
	return &schemas.Error{
		Kind:    schemas.Precondition,
		Subject: "ticket",
		Message: "the ticket ended at " + a.until.Format(time.RFC3339) + " with the lease that it was made under",
		Remedy:  "get another one with GetFlightInfo",
	}
}
