package web

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	"guichet/gateway/web/chart"
	"guichet/gateway/web/flow"
	"guichet/gateway/web/lines"
	"guichet/gateway/web/page"
	"guichet/schemas"
)

// runsPage is a list of runs.
type runsPage struct {
	schemas.Page[schemas.Run]
	Project string
	New     newRun
	Lines   string
}

// runs lists those of the person's projects.
func runs(v *page.Visit) error {
	return showRuns(v, http.StatusOK, newRun{Project: v.R.URL.Query().Get("project")})
}

func showRuns(v *page.Visit, status int, form newRun) error {
	body := runsPage{Project: v.R.URL.Query().Get("project"), New: form, Lines: lines.Login(v.Address(), v.Me.Issuer) +
		"\nrun=$(guichet run start --project PROJECT)\nguichet stream AGREEMENT --run $run --out all.arrows"}
	q := url.Values{"limit": {"50"}}
	for _, key := range []string{"project", "cursor"} {
		if x := v.R.URL.Query().Get(key); x != "" {
			q.Set(key, x)
		}
	}
	err := v.API.Get(v.Ctx(), "/runs?"+q.Encode(), &body.Page)
	if err == nil {
		body.New.Projects, err = v.Projects()
	}
	if err != nil {
		return err
	}
	v.Show(status, "runs", v.Reader.T("runs.title"), &body)
	return nil
}

// Rows and bytes of a run are added up in two sums that are never one: what ended says exactly what it sent, all else
// only the most that it can have sent (docs/record.md).

// runPage is one run: what went into it, and what came out.
type runPage struct {
	schemas.Run
	Lineage     *chart.Lineage
	Titles      map[schemas.DatasetID]schemas.Text
	Rows, Bytes int64 // of the inputs whose numbers are exact
	MostRows    int64 // of the others, at most
	MostBytes   int64
	AtMost      bool // there are others
	Flow        *chart.Flow
	Tied        tied // how more is read in its name
	MayEnd      bool
}

// run shows one.
func run(v *page.Visit) error {
	var body runPage
	err := v.API.Get(v.Ctx(), "/runs/"+v.Param(), &body.Run)
	if err != nil {
		return err
	}
	var ids []schemas.DatasetID
	var last time.Time // that something ended
	for _, in := range body.Inputs {
		ids = append(ids, in.Dataset)
		if in.Until.After(last) {
			last = in.Until
		}
		if in.AtMost {
			body.AtMost = true
			body.MostRows, body.MostBytes = body.MostRows+in.Rows, body.MostBytes+in.Bytes
			continue
		}
		body.Rows, body.Bytes = body.Rows+in.Rows, body.Bytes+in.Bytes
	}
	body.Tied, err = ties(v, &body.Run)
	if err != nil {
		return err
	}
	if !body.Ended.IsZero() {
		body.Tied = tied{}
	}
	body.MayEnd, err = mayEnd(v, &body.Run)
	if err != nil {
		return err
	}
	for _, a := range body.Tied.Agreements {
		ids = append(ids, a.Dataset)
	}
	body.Titles, err = v.Titles(ids)
	if err != nil {
		return err
	}
	body.Lineage, err = madeBy(v, &body.Run)
	if err != nil {
		return err
	}
	if !last.IsZero() {
		body.Flow, err = flow.Of(v, "/runs/"+v.Param(), url.Values{"run": {string(body.ID)}}, last.Add(time.Minute))
		if err != nil {
			return err
		}
	}
	v.Show(http.StatusOK, "run", v.Reader.T("run.title", "ID", page.Short(body.ID)), &body)
	return nil
}

// mayEnd says whether the reader takes part in the project of a run that goes on.
func mayEnd(v *page.Visit, r *schemas.Run) (bool, error) {
	if !r.Ended.IsZero() {
		return false, nil
	}
	mine, err := v.Projects()
	return slices.ContainsFunc(mine, func(p schemas.Project) bool { return p.ID == r.Project }), err
}

// endRun says that a run is over.
func endRun(v *page.Visit) error {
	err := v.API.Post(v.Ctx(), "/runs/"+v.Param()+"/end", nil, nil)
	if err != nil {
		return err
	}
	v.To("/runs/%s", v.ID)
	return nil
}

// origin is a version of a dataset that a run read under an agreement.
type origin struct {
	Dataset   schemas.DatasetID
	Provider  schemas.ParticipantID
	Agreement schemas.AgreementID
	Version   schemas.VersionID
	Tables    []string // each once
}

// origins gathers what was read by datasets, in the order in which they were read first.
func origins(inputs []schemas.RunInput) (out []origin) {
	for _, in := range inputs {
		i := slices.IndexFunc(out, func(o origin) bool {
			return o.Dataset == in.Dataset && o.Agreement == in.Agreement && o.Version == in.Version
		})
		if i < 0 {
			i, out = len(out), append(out, origin{Dataset: in.Dataset, Provider: in.Provider, Agreement: in.Agreement, Version: in.Version})
		}
		if !slices.Contains(out[i].Tables, in.Table) {
			out[i].Tables = append(out[i].Tables, in.Table)
		}
	}
	return out
}
