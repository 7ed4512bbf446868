package web

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"time"

	"guichet/connectors/python"
	"guichet/gateway/web/lines"
	"guichet/gateway/web/page"
	"guichet/schemas"
)

// part is a table with a split of it.
type part struct {
	Value        string // in an address
	Table, Split string
	Rows         int64 // 0 where that is not told
	Files        bool  // it has files in place of rows
}

// picked is what the lines of an agreement's page are for, and what there is to choose from.
type picked struct {
	Parts  []part // of the newest version that the agreement covers
	Part   string
	Runs   []schemas.Run // of the agreement's project, the newest first
	Run    schemas.RunID
	Absent string        // a run that was named, and is none of the project
	Over   schemas.RunID // a run that was named, and was ended
	Groups []lines.Group
}

// mostRuns is how many runs can be picked, the newest: of a project with more the others are picked on their own pages.
const mostRuns = "100"

// pick reads what was picked: of the address, or of the form that made a lease.
func pick(v *page.Visit, a *agreementPage) (picked, error) {
	var p picked
	err := p.parts(v, &a.Agreement)
	if err == nil {
		err = p.runs(v, a.Project)
	}
	if err != nil {
		return p, err
	}
	use := lines.Use{Server: v.Address(), Issuer: v.Me.Issuer, Agreement: a.ID, Run: p.Run, Missing: v.Reader.T("use.missing"),
		S3: a.Lease != nil && a.Lease.S3 != nil}
	at := max(0, slices.IndexFunc(p.Parts, func(x part) bool { return x.Value == v.R.FormValue("data") }))
	if at < len(p.Parts) {
		p.Part, use.Files = p.Parts[at].Value, p.Parts[at].Files
		if len(p.Parts) > 1 {
			use.Table, use.Split = p.Parts[at].Table, p.Parts[at].Split
		}
	}
	p.Groups = lines.Of(use)
	return p, nil
}

// parts lists tables and splits. Of a version that is gone, or not the reader's to know, there are none.
func (p *picked) parts(v *page.Visit, a *schemas.Agreement) error {
	if len(a.Versions) == 0 {
		return nil
	}
	var newest content
	version := a.Versions[len(a.Versions)-1]
	err := v.API.Get(v.Ctx(), "/datasets/"+url.PathEscape(string(a.Dataset))+"/versions/"+url.PathEscape(string(version)), &newest)
	if k := schemas.KindOf(err); k == schemas.NotFound || k == schemas.Denied || k == schemas.Gone {
		return nil
	}
	for _, t := range newest.Data {
		for _, s := range t.Splits {
			p.Parts = append(p.Parts, part{t.Name + "/" + s.Name, t.Name, s.Name, s.Rows, t.Objects})
		}
	}
	return err
}

// runs lists those that can be picked, and finds the one that is.
func (p *picked) runs(v *page.Visit, project schemas.ProjectID) error {
	var all schemas.Page[schemas.Run]
	err := v.API.Get(v.Ctx(), "/runs?"+url.Values{"project": {string(project)}, "limit": {mostRuns}}.Encode(), &all)
	if k := schemas.KindOf(err); k == schemas.Denied || k == schemas.NotFound || k == schemas.TooLarge { // runs may have many outputs
		err = nil
	}
	if err != nil {
		return err
	}
	p.Runs = slices.DeleteFunc(all.Items, func(r schemas.Run) bool { return !r.Ended.IsZero() })
	named := v.R.FormValue("run")
	if named == "" {
		return nil
	}
	is := func(r schemas.Run) bool { return string(r.ID) == named }
	if slices.ContainsFunc(p.Runs, is) {
		p.Run = schemas.RunID(named)
		return nil
	}
	var r schemas.Run
	err = v.API.Get(v.Ctx(), "/runs/"+url.PathEscape(named), &r)
	switch k := schemas.KindOf(err); {
	case k == schemas.NotFound || k == schemas.Denied || err == nil && r.Project != project:
		p.Absent = page.Cut(80, named)
		return nil
	case err != nil:
		return err
	}
	if !r.Ended.IsZero() {
		p.Over = r.ID
		return nil
	}
	r.Inputs = nil
	p.Run, p.Runs = r.ID, append([]schemas.Run{r}, p.Runs...)
	return nil
}

// lease makes a lease on the spot, for the run that is picked. Its token is shown once: the answer of a form is kept by no
// browser (Cache-Control), and a new one is made as easily.
func lease(v *page.Visit) error {
	var made schemas.LeaseAnswer
	ask := map[string]any{"items": []map[string]string{{"agreement": v.ID}}}
	if run := v.R.PostFormValue("run"); run != "" {
		ask["run"] = run
	}
	err := v.Once("/leases", cmp.Or(v.R.PostFormValue("key"), rand.Text()), ask, &made)
	if e := page.Asked(err); e != nil {
		return showAgreement(v, http.StatusUnprocessableEntity, agreementPage{Problem: e})
	}
	if err != nil {
		return err
	}
	return showAgreement(v, http.StatusOK, agreementPage{Lease: &made})
}

// newRun is the form of a run that is about to begin.
type newRun struct {
	Projects  []schemas.Project // that the reader takes part in
	Project   string
	Name      string
	Agreement string // to whose page it leads; "" for the run's own
	Data      string // what is picked there
	Problem   *schemas.Error
}

// startRun begins a run under the name that the person's own tools have for it.
func startRun(v *page.Visit) error {
	form := newRun{Project: v.R.PostFormValue("project"), Name: v.R.PostFormValue("name"), Agreement: v.R.PostFormValue("agreement"),
		Data: v.R.PostFormValue("data")}
	var made schemas.Run
	ask := map[string]string{"project": form.Project, "external_id": form.Name}
	err := v.Once("/runs", cmp.Or(v.R.PostFormValue("key"), rand.Text()), ask, &made)
	if e := page.Asked(err); e != nil {
		form.Problem = e
		return showRuns(v, http.StatusUnprocessableEntity, form)
	}
	if err != nil {
		return err
	}
	if form.Agreement == "" {
		v.To("/runs/%s", string(made.ID))
		return nil
	}
	http.Redirect(v.W, v.R, pickedAt(form.Agreement, form.Data, made.ID), http.StatusSeeOther)
	return nil
}

// pickedAt is the address of an agreement's lines for what is picked.
func pickedAt(agreement, data string, run schemas.RunID) string {
	q := url.Values{"run": {string(run)}}
	if data != "" {
		q.Set("data", data)
	}
	return page.At("/agreements/"+url.PathEscape(agreement), q) + "#use"
}

// tied is how a run's reader reads more in its name.
type tied struct {
	May        bool // of its project, as a trainer
	Agreements []tie
}

// tie is an agreement of the run's project, whose page fills the run in.
type tie struct {
	To      string
	Dataset schemas.DatasetID
	Purpose string
	Until   time.Time
}

// ties lists the agreements of the run's project that are active and the reader's organisation's.
func ties(v *page.Visit, r *schemas.Run) (out tied, err error) {
	if !v.Has(schemas.RoleTrainer) {
		return out, nil
	}
	var all schemas.Page[schemas.Agreement]
	err = v.API.Get(v.Ctx(), "/agreements?limit=100", &all) // the newest: what is left of each is counted
	if schemas.KindOf(err) == schemas.Denied {
		return out, nil
	}
	for _, a := range all.Items {
		if a.State == schemas.AgreementActive && a.Project == r.Project && a.Participant == v.Me.Participant {
			out.Agreements = append(out.Agreements, tie{pickedAt(string(a.ID), "", r.ID), a.Dataset, a.Purpose, a.Until})
		}
	}
	out.May = true
	return out, err
}

// kit gives the Python kit as a wheel, to everybody: pip has no session.
func kit(v *page.Visit) error {
	if v.ID != python.Name {
		return schemas.Errorf(schemas.NotFound, "page", "there is nothing at %s", v.R.URL.Path)
	}
	wheel, err := python.Wheel()
	if err != nil {
		return err
	}
	sum := sha256.Sum256(wheel)
	h := v.W.Header()
	h.Set("ETag", `"`+hex.EncodeToString(sum[:])+`"`)
	h.Set("Cache-Control", "public, max-age=300")
	h.Set("Content-Type", "application/zip")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Disposition", `attachment; filename="`+python.Name+`"`)
	http.ServeContent(v.W, v.R, "", time.Time{}, bytes.NewReader(wheel))
	return nil
}
