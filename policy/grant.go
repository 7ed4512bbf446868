package policy

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"guichet/schemas"
)

// Entitlement is what a lease token stands for, as the look-up found it.
type Entitlement struct {
	Lease     schemas.Lease
	Agreement schemas.Agreement
	Factory   schemas.Factory
	Stopped   bool // the participant was stopped
	Read      Read // what all of it was read from
}

// Read is which nouns of the registry something was judged by, with the revisions that
// they had; 0 is that there was none.
type Read map[Noun]int64

// Noun names a noun of the registry.
type Noun struct{ Table, ID string }

// LookUp finds what a lease token stands for, for one agreement. Errors:
// Unauthenticated for a token that is forged, expired or unknown, NotFound for
// an agreement that the lease does not name. policy/agreement provides it; it is
// an argument so that policy never imports those who import it.
type LookUp func(ctx context.Context, token string, agreement schemas.AgreementID) (Entitlement, error)

// StreamRequest is what a door was asked for. Empty members were not said: the lease or
// the agreement fills them in; what is said may repeat the lease, never widen it.
type StreamRequest struct {
	Door      string // http, shard, flight, s3
	Agreement schemas.AgreementID
	Version   schemas.VersionID
	Table     string
	Split     string
	Columns   []string
	Rank      int
	World     int           // 0: the door has no ranks (manifest, one shard by name)
	Order     schemas.Order // of the rows that ranks are cut from
	Run       schemas.RunID
	Address   netip.Addr // where the request came from
	Named     bool       // Columns are those that the request named, not those that it may have; set by Authorize
}

// Grant is the right to open one stream. Only Authorize makes one: a door cannot
// forget to ask [decisions.md 6].
type Grant struct {
	want     StreamRequest
	lease    schemas.Lease
	terms    schemas.Agreement
	factory  schemas.Factory
	read     Read
	declared bool
	ok       bool
}

// Valid says whether the grant came from Authorize.
func (g Grant) Valid() bool { return g.ok }

// Agreement gives the agreement as it stood when the grant was made.
func (g Grant) Agreement() schemas.Agreement { return g.terms }

// Lease gives the lease.
func (g Grant) Lease() schemas.Lease { return g.lease }

// Factory gives the factory by whose networks the place was proven, or declared.
func (g Grant) Factory() schemas.Factory { return g.factory }

// Read gives what the grant was judged by.
func (g Grant) Read() Read { return g.read }

// Asked gives what was asked, filled in from lease and agreement.
func (g Grant) Asked() StreamRequest { return g.want }

// Until is when a stream under this grant ends at the latest, with its agreement or with the job
// key that its lease was made with; what names the one of them that ends it.
func (g Grant) Until() (at time.Time, what string) {
	if ends := g.lease.Ends; !ends.IsZero() && ends.Before(g.terms.Until) {
		return ends, "job key"
	}
	return g.terms.Until, "agreement"
}

// Declared says that the place is the requester's word, not proven.
func (g Grant) Declared() bool { return g.declared }

// Authorize is the only way to a stream: it judges a lease token and what a door
// was asked for. Errors: Unauthenticated (token), NotFound (agreement unknown to
// this lease), Denied with reasons (revoked, ended, wider than the lease, wrong
// place).
func Authorize(ctx context.Context, look LookUp, token string, want StreamRequest, now time.Time) (Grant, error) {
	e, err := look(ctx, token, want.Agreement)
	if err != nil {
		return Grant{}, err
	}
	item, ok := leaseItem(&e.Lease, want.Agreement)
	if !ok {
		return Grant{}, refuse(want, "lease", "the lease", "the lease does not name this agreement", "ask for a lease on it")
	}
	g := Grant{want: want, lease: e.Lease, terms: e.Agreement, factory: e.Factory, read: e.Read}
	for _, check := range []func() error{
		func() error { return standing(e, now) },
		func() error { return g.narrow(item) },
		func() error { return g.rank() },
		func() error { return g.place(e.Factory) },
	} {
		err := check()
		if err != nil {
			return Grant{}, err
		}
	}
	g.ok = true
	return g, nil
}

// refuse is the refusal of a stream, about its agreement.
func refuse(w StreamRequest, rule, source, text, remedy string) error {
	return schemas.Refuse(string(w.Agreement), rule, source, text, remedy)
}

// standing says whether an agreement is in force: nil, or Denied saying revoked
// or ended.
func standing(e Entitlement, now time.Time) error {
	a := e.Agreement
	w := StreamRequest{Agreement: a.ID}
	switch {
	case a.State == schemas.AgreementRevoked:
		return refuse(w, "agreement.revoked", "the provider",
			fmt.Sprintf("the agreement was revoked on %s: %s", a.Revoked.UTC().Format(time.RFC3339), a.Reason),
			"send a new request")
	case a.State == schemas.AgreementEnded || !now.Before(a.Until):
		return refuse(w, "agreement.ended", "the agreement",
			fmt.Sprintf("the agreement ended on %s", a.Until.UTC().Format(time.RFC3339)), "send a new request")
	case e.Stopped:
		return refuse(w, "participant.stopped", "the operator", "your organisation was stopped", "write to the operator")
	}
	return nil
}

// leaseItem finds what a lease says of an agreement.
func leaseItem(l *schemas.Lease, id schemas.AgreementID) (schemas.LeaseItem, bool) {
	for _, it := range l.Items {
		if it.Agreement == id {
			return it, true
		}
	}
	return schemas.LeaseItem{}, false
}

// narrow takes what the lease binds into what was asked for where that leaves it open,
// and refuses where it asks for something else: a lease is narrowed and never widened.
func (g *Grant) narrow(item schemas.LeaseItem) error {
	w, a := &g.want, &g.terms
	w.Named = len(w.Columns) > 0
	for _, m := range []struct {
		what   string
		lease  string
		wanted *string
	}{{"version", string(item.Version), (*string)(&w.Version)}, {"table", item.Table, &w.Table}, {"split", item.Split, &w.Split}} {
		if m.lease != "" && *m.wanted != "" && m.lease != *m.wanted {
			return refuse(*w, "lease."+m.what, "the lease", fmt.Sprintf("the lease is for %s %s only", m.what, m.lease), "ask for a lease on it")
		}
		if m.lease != "" {
			*m.wanted = m.lease
		}
	}
	if !slices.Contains(a.Versions, w.Version) && !a.Follow {
		return refuse(*w, "agreement.version", "the agreement",
			fmt.Sprintf("the agreement does not cover version %q; it covers %s", w.Version, join(a.Versions)),
			"ask for an agreement on that version")
	}
	for _, rest := range [][]string{item.Columns, a.Columns} {
		if len(w.Columns) == 0 {
			w.Columns = rest
		}
	}
	for _, bound := range []struct {
		columns []string
		by      string
		remedy  string
	}{{a.Columns, "agreement", "ask for it in a new request"}, {item.Columns, "lease", "ask for a lease on it: the agreement covers it"}} {
		for _, c := range w.Columns {
			if len(bound.columns) > 0 && !slices.Contains(bound.columns, c) {
				return refuse(*w, bound.by+".columns", "the "+bound.by, fmt.Sprintf("column %q is outside the %s", c, bound.by), bound.remedy)
			}
		}
	}
	if w.Run == "" {
		w.Run = g.lease.Run
	}
	if g.lease.Run != "" && w.Run != g.lease.Run {
		return refuse(*w, "lease.run", "the lease", "the lease is for another run", "ask for a lease for this run")
	}
	return nil
}

// join names versions in a message.
func join(v []schemas.VersionID) string {
	s := make([]string, len(v))
	for i := range v {
		s[i] = string(v[i])
	}
	return strings.Join(s, ", ")
}

// rank holds the rank that was asked for against the one that the lease is bound to.
func (g *Grant) rank() error {
	if g.want.World == 0 {
		if g.lease.Rank != nil {
			return refuse(g.want, "lease.rank", "the lease", "the lease is for one rank's stream only",
				"use /stream, or ask for a lease without rank")
		}
		return nil
	}
	if g.lease.Rank != nil && g.lease.World == nil { // of an earlier version
		return refuse(g.want, "lease.rank", "the lease", "the lease names a rank without its world", "ask for a lease on rank and world")
	}
	if g.lease.Order != nil && g.lease.Order.Plain() != g.want.Order.Plain() {
		return refuse(g.want, "lease.order", "the lease",
			fmt.Sprintf("the lease is for the order %s", inWords(*g.lease.Order)),
			"ask with the same seed, shuffle, order, epoch, start and even, or for a lease on this order")
	}
	if g.lease.World != nil && *g.lease.World != g.want.World {
		return refuse(g.want, "lease.world", "the lease", fmt.Sprintf("the lease is for a world of %d", *g.lease.World),
			"ask for a lease on this world")
	}
	if g.lease.Rank != nil && *g.lease.Rank != g.want.Rank {
		return refuse(g.want, "lease.rank", "the lease", fmt.Sprintf("the lease is for rank %d", *g.lease.Rank), "ask for a lease on this rank")
	}
	return nil
}

// inWords names an order as a stream's query does.
func inWords(o schemas.Order) string {
	s := fmt.Sprintf("epoch=%d", o.Epoch)
	number := ""
	if o.Number > 0 {
		number = fmt.Sprint(o.Number)
	}
	for _, k := range [][2]string{{"seed", o.Seed}, {"shuffle", o.Shuffle}, {"order", number}, {"start", o.Start}, {"even", o.Even}} {
		if k[1] != "" {
			s += " " + k[0] + "=" + k[1]
		}
	}
	return s
}

// place proves where the stream goes: from the factory's egress networks, or by
// declaration where none are known and nothing demands proof [decisions.md 5].
func (g *Grant) place(f schemas.Factory) error {
	g.declared = true
	enforced := false
	for _, d := range g.terms.Obligations {
		if d.Kind != schemas.DutyFactory {
			continue
		}
		enforced = enforced || d.Enforced
		if len(d.Values) > 0 && !slices.Contains(d.Values, string(g.terms.Factory)) {
			return refuse(g.want, "agreement.factory", d.Source,
				fmt.Sprintf("the data may be used at %s only", strings.Join(d.Values, ", ")), "run the project there")
		}
	}
	if Within(f, g.want.Address) {
		g.declared = false
		return nil
	}
	if enforced || len(f.Egress) > 0 {
		return refuse(g.want, "agreement.place", "the agreement",
			fmt.Sprintf("streams open only from the network of %s; this request came from elsewhere", g.terms.Factory),
			"open the stream from a job at the factory")
	}
	return nil
}

// Within says whether an address lies in the networks of a factory.
func Within(f schemas.Factory, at netip.Addr) bool {
	return slices.ContainsFunc(f.Egress, func(cidr string) bool {
		p, err := netip.ParsePrefix(cidr)
		return err == nil && p.Contains(at.Unmap())
	})
}

// InPlace says whether what an agreement covers may be opened from an address, as for a stream.
func InPlace(a *schemas.Agreement, f schemas.Factory, at netip.Addr) error {
	g := Grant{want: StreamRequest{Agreement: a.ID, Address: at}, terms: *a}
	return g.place(f)
}

// Leasable judges, without a door, whether an agreement may be leased as item
// says: the same checks as Authorize but for rank and place, which only a stream
// has.
func Leasable(ctx context.Context, look LookUp, item schemas.LeaseItem, now time.Time) error {
	e, err := look(ctx, "", item.Agreement)
	if err != nil {
		return err
	}
	err = standing(e, now)
	if err != nil {
		return err
	}
	g := Grant{
		want:  StreamRequest{Agreement: item.Agreement, Version: item.Version, Table: item.Table, Split: item.Split, Columns: item.Columns},
		lease: e.Lease,
		terms: e.Agreement,
	}
	return g.narrow(schemas.LeaseItem{Agreement: item.Agreement})
}

// At gives the same grant with table and split filled in, where the dataset has
// only one and the door was not told which. What was said stays: another table or
// split than the grant's gives an invalid grant.
func (g Grant) At(table, split string) Grant {
	if g.want.Table != "" && g.want.Table != table || g.want.Split != "" && g.want.Split != split {
		return Grant{}
	}
	g.want.Table, g.want.Split = table, split
	return g
}
