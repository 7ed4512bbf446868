package web

import (
	"cmp"
	"net/url"
	"strconv"
	"strings"

	"guichet/gateway/web/chart"
	"guichet/gateway/web/page"
	"guichet/policy/agreement/throughput"
	"guichet/schemas"
)

// How much a picture of a lineage holds at most; the rest is counted.
const (
	mostWays    = 12
	mostOutputs = 6 // of a run
)

// known are datasets as the reader may know them.
type known map[schemas.DatasetID]schemas.Dataset

// look asks for one, once; one that the reader may not see is not there.
func (k known) look(v *page.Visit, id schemas.DatasetID) error {
	_, asked := k[id]
	if asked {
		return nil
	}
	var d schemas.Dataset
	err := v.API.Get(v.Ctx(), "/datasets/"+url.PathEscape(string(id)), &d)
	if kind := schemas.KindOf(err); err != nil && kind != schemas.NotFound && kind != schemas.Denied && kind != schemas.Gone {
		return err
	}
	k[id] = d
	return nil
}

// source is a dataset as a lineage has it, with its versions and where it is from: its provider, or the catalogue of others.
// One that the reader may not see has its id alone.
func (k known) source(v *page.Visit, id schemas.DatasetID, provider schemas.ParticipantID, versions ...schemas.VersionID) chart.Thing {
	var of []string
	for _, version := range versions {
		of = append(of, string(version))
	}
	t := chart.Thing{ID: strings.Join(append(of, string(id)), " "), Name: page.Short(id)}
	d := k[id]
	if d.ID != "" {
		t.To, t.Name = "/datasets/"+url.PathEscape(string(id)), page.In(d.Title, v.Reader.Tag).Words
	}
	t.More = cmp.Or(string(d.Source), strings.TrimPrefix(string(cmp.Or(d.Provider, provider)), "https://"))
	if len(of) > 0 {
		t.More = v.Reader.List(of) + " · " + t.More
	}
	return t
}

// output is what came out of a run.
func output(v *page.Visit, run schemas.RunID, o *schemas.Output) chart.Thing {
	return chart.Thing{ID: string(run) + " " + o.Kind + " " + o.Digest + " " + o.Name, Name: o.Name,
		More: page.Named(v.Reader, "output.", o.Kind), To: "/runs/" + url.PathEscape(string(run))}
}

// outputs are those of a run, at most so many, and a word for the rest.
func outputs(v *page.Visit, run schemas.RunID, all []schemas.Output) (out []chart.Thing) {
	for i := range all[:min(len(all), mostOutputs)] {
		out = append(out, output(v, run, &all[i]))
	}
	if n := len(all) - len(out); n > 0 {
		out = append(out, chart.Thing{ID: string(run) + " more", Name: v.Reader.T("lineage.more", "Count", n),
			To: "/runs/" + url.PathEscape(string(run))})
	}
	return out
}

// permit is an agreement: what for, and whose it is.
func permit(v *page.Visit, id schemas.AgreementID, purpose string, project schemas.ProjectID) chart.Thing {
	t := chart.Thing{ID: string(id), To: "/agreements/" + url.PathEscape(string(id)), Name: page.Short(id), More: string(project)}
	if purpose != "" {
		t.Name = v.Reader.Purpose(purpose)
	}
	return t
}

// job is a run; one that the reader may not read has its id and no page.
func job(id schemas.RunID, external string, mayRead bool) chart.Thing {
	t := chart.Thing{ID: string(id), Name: page.Short(id)}
	if external != "" {
		t.Name, t.More = external, page.Short(id)
	}
	if mayRead {
		t.To = "/runs/" + url.PathEscape(string(id))
	}
	return t
}

// usedBy is the lineage of what q names: a dataset or an agreement. Nil where nothing used it, or for what the reader may
// not see.
func usedBy(v *page.Visit, q url.Values) (*chart.Lineage, error) {
	q.Set("limit", strconv.Itoa(mostWays))
	var all throughput.Lineage
	err := v.API.Get(v.Ctx(), "/lineage?"+q.Encode(), &all)
	if k := schemas.KindOf(err); err != nil && (k == schemas.NotFound || k == schemas.Denied) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	of := known{}
	var ways []chart.Path
	for _, u := range all.Uses {
		err := of.look(v, u.Dataset)
		if err != nil {
			return nil, err
		}
		ways = append(ways, chart.Path{
			Source: of.source(v, u.Dataset, u.Provider, u.Versions...), Permit: permit(v, u.Agreement, u.Purpose, u.Project),
			Run: job(u.Run, u.External, u.MayRead), Outputs: outputs(v, u.Run, u.Outputs),
		})
	}
	return chart.Lineages(v.Reader, ways, all.LeftOut), nil
}

// madeBy is the lineage of a run, of what it read by now.
func madeBy(v *page.Visit, r *schemas.Run) (*chart.Lineage, error) {
	came := outputs(v, r.ID, r.Outputs)
	read := origins(r.Inputs)
	leftOut := max(len(read)-mostWays, 0)
	read = read[:len(read)-leftOut]
	of := known{}
	var ways []chart.Path
	purposes := map[schemas.AgreementID]string{}
	for _, o := range read {
		err := of.look(v, o.Dataset)
		if err != nil {
			return nil, err
		}
		purpose, asked := purposes[o.Agreement]
		if !asked {
			var a schemas.Agreement
			err := v.API.Get(v.Ctx(), "/agreements/"+url.PathEscape(string(o.Agreement)), &a)
			if err != nil && schemas.KindOf(err) != schemas.NotFound {
				return nil, err
			}
			purpose = a.Purpose
			purposes[o.Agreement] = purpose
		}
		ways = append(ways, chart.Path{Source: of.source(v, o.Dataset, o.Provider, o.Version),
			Permit: permit(v, o.Agreement, purpose, r.Project), Run: job(r.ID, r.ExternalID, true), Outputs: came})
	}
	if len(ways) == 0 && len(came) > 0 { // it read nothing yet
		ways = append(ways, chart.Path{Run: job(r.ID, r.ExternalID, true), Outputs: came})
	}
	return chart.Lineages(v.Reader, ways, leftOut), nil
}
