package record

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"

	"guichet/gateway/web/page"
	"guichet/schemas"
)

// entryPage is one record with what led to it, and its place in the tree.
type entryPage struct {
	schemas.Record
	Title     schemas.Text // of the dataset that it names
	Named     page.Organisations
	Steps     []schemas.Record
	Others    bool     // there may be steps that are not shown
	Erased    []string // names of values that were erased
	Unproven  []string // names of values that do not open their commitments
	LeafText  string
	LeafHash  string // base64
	Hashes    int    // of its way to the root
	Size      string // records below the checkpoint
	Run       *schemas.Run
	Agreement *schemas.Agreement
	Stood     map[string]any // the terms of the agreement as they stood, with what the record says of them
}

// read gives the record that the address names.
func read(v *page.Visit) (r schemas.Record, err error) {
	index, err := strconv.ParseInt(v.ID, 10, 64)
	if err != nil || index < 0 {
		return r, schemas.Errorf(schemas.NotFound, "record", "there is no record %q; records have numbers, from 0", page.Cut(40, v.ID))
	}
	var found schemas.Page[schemas.Record]
	err = v.API.Get(v.Ctx(), "/audit/records?limit=1&cursor="+strconv.FormatInt(index, 10), &found)
	if err != nil {
		return r, err
	}
	if len(found.Items) == 0 || found.Items[0].Index != index {
		return r, schemas.Errorf(schemas.NotFound, "record", "there is no record %d, or it does not concern you", index)
	}
	return found.Items[0], nil
}

// entry shows one record.
func entry(v *page.Visit) error {
	r, err := read(v)
	if err != nil {
		return err
	}
	body := entryPage{Record: r, LeafText: string(r.Leaf)}
	hash := tlog.RecordHash(r.Leaf)
	body.LeafHash = base64.StdEncoding.EncodeToString(hash[:])
	body.Erased, body.Unproven = missing(r)
	var text []byte
	err = v.API.Get(v.Ctx(), "/audit/proofs/"+strconv.FormatInt(r.Index, 10), &text)
	if err != nil {
		return err
	}
	p := parse(text)
	body.Hashes, body.Size = len(p.hashes), p.size
	titles, err := v.Titles(datasets([]schemas.Record{r}))
	if err != nil {
		return err
	}
	body.Title = titles[schemas.DatasetID(r.Values["dataset"])]
	body.Named, err = v.Names(actors([]schemas.Record{r})...)
	if err == nil {
		err = history(v, &body)
	}
	if err != nil {
		return err
	}
	v.Show(http.StatusOK, "entry", v.Reader.T("entry.title", "Index", r.Index), &body)
	return nil
}

// missing names the values that a leaf commits to and that are not shown: erased ones have no salt
// either, others do not open what was committed to.
func missing(r schemas.Record) (erased, unproven []string) {
	var l struct {
		Values map[string]string `json:"values"`
	}
	if json.Unmarshal(r.Leaf, &l) != nil {
		return nil, nil // such a leaf opens nothing, and verification says so
	}
	for _, name := range slices.Sorted(maps.Keys(l.Values)) {
		_, shown := r.Values[name]
		_, salted := r.Salts[name]
		switch {
		case shown:
		case salted:
			unproven = append(unproven, name)
		default:
			erased = append(erased, name)
		}
	}
	return erased, unproven
}

// mostSteps bounds the records in which what belongs to an entry is looked for, at each asking.
const mostSteps = 200

// history collects what led to a record and what became of it: request, review, agreement, lease, run,
// beginning and end, in their order.
//
// The API finds records by agreement and kind, not by release or lease: the other end of a release is looked for near
// the record itself, where it stands but for long ones, and the page says where there may be more.
func history(v *page.Visit, body *entryPage) error {
	steps := map[int64]schemas.Record{body.Index: body.Record}
	agreement, request := body.Values["agreement"], cmp.Or(body.Values["request"], body.Values["permit"])
	if agreement == "" && request != "" { // a request that waited, or was refused
		var err error
		agreement, err = asked(v, body, steps, request, body.Index)
		if err != nil {
			return err
		}
	}
	if agreement == "" {
		body.Steps = inOrder(steps)
		return nil
	}
	ask := func(take func(r schemas.Record) bool, pairs ...string) error {
		q := url.Values{"agreement": {agreement}, "limit": {strconv.Itoa(mostSteps)}}
		for i := 0; i+1 < len(pairs); i += 2 {
			q.Set(pairs[i], pairs[i+1])
		}
		var found schemas.Page[schemas.Record]
		err := v.API.Get(v.Ctx(), "/audit/records?"+q.Encode(), &found)
		for _, r := range found.Items {
			if take(r) {
				steps[r.Index] = r
			}
		}
		body.Others = body.Others || found.Next != ""
		return err
	}
	all := func(schemas.Record) bool { return true }
	err := ask(all, "kind", "request,review,agreement,agreement.revoked")
	if err != nil {
		return err
	}
	for _, r := range steps { // what was asked before there was an agreement does not name it
		if r.Kind == schemas.ChangeAgreement && r.Values["permit"] != "" {
			_, err = asked(v, body, steps, r.Values["permit"], r.Index)
			break
		}
	}
	if err != nil {
		return err
	}
	at := strconv.FormatInt(body.Index, 10)
	if release := body.Values["release"]; release != "" {
		same := func(r schemas.Record) bool { return r.Values["release"] == release }
		err = ask(same, "kind", "release.end", "cursor", at)
		if err == nil {
			err = ask(same, "kind", "release.begin", "order", "newest", "cursor", at)
		}
		if err != nil {
			return err
		}
	}
	if lease := body.Values["lease"]; lease != "" {
		err = ask(func(r schemas.Record) bool { return r.Values["lease"] == lease }, "kind", "lease", "order", "newest", "cursor", at)
		if err != nil {
			return err
		}
	}
	body.Steps = inOrder(steps)
	return outcome(v, body)
}

// asked adds what belongs to a request, of the records of its dataset on both sides of an index, and gives the agreement
// that came of it, where one did.
func asked(v *page.Visit, body *entryPage, steps map[int64]schemas.Record, request string, near int64) (agreement string, err error) {
	for _, order := range []string{"newest", "oldest"} {
		q := url.Values{"dataset": {body.Values["dataset"]}, "limit": {strconv.Itoa(mostSteps)},
			"kind":  {"request,request.withdrawn,review,agreement"},
			"order": {order}, "cursor": {strconv.FormatInt(near, 10)}}
		var found schemas.Page[schemas.Record]
		if err == nil && body.Values["dataset"] != "" {
			err = v.API.Get(v.Ctx(), "/audit/records?"+q.Encode(), &found)
		}
		for _, r := range found.Items {
			if r.Values["request"] == request || r.Values["permit"] == request {
				steps[r.Index] = r
				agreement = cmp.Or(agreement, r.Values["agreement"])
			}
		}
	}
	return agreement, err
}

// inOrder sorts steps as they came about. Those of one transaction are written as storing them demands, an agreement
// before the request that names it: within a second they stand as one follows from the other.
func inOrder(steps map[int64]schemas.Record) []schemas.Record {
	order := []string{schemas.ChangeRequest, schemas.ChangeRequestBack, schemas.ChangeReview, schemas.ChangeAgreement, schemas.ChangeLease,
		schemas.ChangeReleaseBegin, schemas.ChangeReleaseEnd, schemas.ChangeRevoke}
	return slices.SortedFunc(maps.Values(steps), func(a, b schemas.Record) int {
		return cmp.Or(cmp.Compare(a.At.Unix(), b.At.Unix()), cmp.Compare(slices.Index(order, a.Kind), slices.Index(order, b.Kind)),
			cmp.Compare(a.Index, b.Index))
	})
}

// outcome reads the nouns that the record names, as they are now, where the person may.
func outcome(v *page.Visit, body *entryPage) error {
	var a schemas.Agreement
	err := v.API.Get(v.Ctx(), "/agreements/"+url.PathEscape(body.Values["agreement"]), &a)
	switch kind := schemas.KindOf(err); {
	case err == nil:
		body.Agreement = &a
		body.Stood = v.Stood(&a, termsOf(body))
	case kind != schemas.NotFound && kind != schemas.Denied:
		return err
	}
	id := body.Values["run"]
	if id == "" {
		return nil
	}
	var run schemas.Run
	err = v.API.Get(v.Ctx(), "/runs/"+url.PathEscape(id), &run)
	switch kind := schemas.KindOf(err); {
	case err == nil:
		body.Run = &run
	case kind != schemas.NotFound && kind != schemas.Denied:
		return err
	}
	return nil
}

// termsOf is the digest of an agreement's terms, as the record has it among an entry's steps.
func termsOf(body *entryPage) string {
	for _, r := range body.Steps {
		if terms := r.Values["terms"]; terms != "" {
			return terms
		}
	}
	return body.Values["terms"]
}

// proof gives the proof that a record is in the tree, as a file.
func proof(v *page.Visit) error {
	r, err := read(v)
	if err != nil {
		return err
	}
	var text []byte
	err = v.API.Get(v.Ctx(), "/audit/proofs/"+strconv.FormatInt(r.Index, 10), &text)
	if err != nil {
		return err
	}
	file(v, "record-"+strconv.FormatInt(r.Index, 10)+".tlog-proof", "text/plain; charset=utf-8", text)
	return nil
}

// leaf gives the bytes that the tree was made of, as a file.
func leaf(v *page.Visit) error {
	r, err := read(v)
	if err != nil {
		return err
	}
	file(v, "record-"+strconv.FormatInt(r.Index, 10)+".json", "application/json", r.Leaf)
	return nil
}

func file(v *page.Visit, name, kind string, b []byte) {
	h := v.W.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	h.Set("Cache-Control", "no-store")
	_, _ = v.W.Write(bytes.Clone(b)) // the browser may be gone
}
