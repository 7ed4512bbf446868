package door

import (
	"context"
	"net/netip"
	"strconv"

	"guichet/connectors/direct"
	"guichet/gateway/stream/byurl"
	"guichet/gateway/stream/file"
	"guichet/gateway/stream/plan"
	"guichet/policy"
	"guichet/policy/agreement/lease"
	"guichet/schemas"
)

// Ranges answers who bears a lease and asks for ranges by URL. Errors: Unauthenticated for a job
// key's signature, which is no lease; those of policy.Authorize, the plan and byurl.
func (d *Door) Ranges(
	ctx context.Context, token string, from netip.Addr, id schemas.AgreementID, ask direct.RangesAsk,
) (direct.Ranges, error) {
	if lease.IsJobKey(token) { // it opens no data by itself
		return direct.Ranges{}, lease.None()
	}
	a, err := plan.ParseAsk(func(key string) string { return askedFor(&ask, key) })
	if err != nil {
		return direct.Ranges{}, err
	}
	world := a.World
	if len(ask.Objects) > 0 {
		world = 0
	}
	w := policy.StreamRequest{Door: byurl.Door, Agreement: id, Version: ask.Version, Table: ask.Table, Split: ask.Split, Run: ask.Run,
		World: world, Rank: a.Rank, Order: a.Order(), Address: from}
	g, err := policy.Authorize(ctx, d.Leases.LookUp, token, w, d.Now())
	if err == nil {
		err = d.Stream.URLs.Allowed(g) // before anything is read or planned for it
	}
	if err == nil {
		err = d.Releases.CheckRun(ctx, g)
	}
	if err != nil {
		return direct.Ranges{}, err
	}
	if len(ask.Objects) > 0 {
		return d.objectRanges(ctx, g, ask)
	}
	src, err := d.Stream.Source(ctx, g)
	if err != nil {
		return direct.Ranges{}, err
	}
	p, err := plan.NewPlan(src, a)
	if err != nil {
		return direct.Ranges{}, err
	}
	return d.Stream.URLs.Rows(ctx, g, p, ask.Bytes)
}

// objectRanges answers for objects by their names.
func (d *Door) objectRanges(ctx context.Context, g policy.Grant, ask direct.RangesAsk) (direct.Ranges, error) {
	var files []*file.File
	for _, name := range ask.Objects {
		f, err := d.Stream.Object(ctx, g, name)
		if err == nil && f == nil {
			err = schemas.BadField("ranges", "objects", "the table %s has rows, and no objects: leave objects out", g.Asked().Table)
		}
		if err != nil {
			return direct.Ranges{}, err
		}
		files = append(files, f)
	}
	return d.Stream.URLs.Objects(ctx, g, files, ask.Bytes)
}

// askedFor gives a member of an ask as a stream's key of that name.
func askedFor(ask *direct.RangesAsk, key string) string {
	some := func(n int64) string {
		if n == 0 {
			return ""
		}
		return strconv.FormatInt(n, 10)
	}
	switch key {
	case "world":
		return some(int64(ask.World))
	case "rank":
		return some(int64(ask.Rank))
	case "from":
		return some(ask.From)
	case "epoch":
		return some(ask.Epoch)
	}
	return map[string]string{"seed": ask.Seed, "start": ask.Start, "even": ask.Even, "shuffle": ask.Shuffle, "order": ask.Order}[key]
}
