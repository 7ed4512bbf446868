package report

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"guichet/gateway/web/page"
	"guichet/policy/report"
	"guichet/schemas"
)

// mostChoices bounds what a field of a form proposes.
const mostChoices = 100

// choice is an id that a field proposes, with what it stands for.
type choice struct{ ID, Title string }

// choices are what the fields of forms propose, by parameter: a reader chooses what it is called, and sends its id.
type choices map[string][]choice

// proposed asks for them: the projects that the reader may read, the datasets that she provides, else some, and runs.
// What no form asks for, she may not read, or cannot be had, is not proposed: a form does without.
func proposed(v *page.Visit, kinds ...report.Kind) choices {
	asks := map[string]bool{}
	for _, k := range kinds {
		for _, p := range k.Parameters {
			asks[p.Name] = true
		}
	}
	out := choices{}
	most := strconv.Itoa(mostChoices)
	var projects schemas.Page[schemas.Project]
	if asks["project"] {
		_ = v.API.Get(v.Ctx(), "/projects?limit="+most, &projects)
	}
	for _, p := range projects.Items {
		out["project"] = append(out["project"], choice{string(p.ID), page.Cut(mostTitle, p.Title)})
	}
	q := url.Values{"limit": {most}, "sort": {"title"}, "brief": {"true"}}
	if v.Has(schemas.RoleProvider) && !v.Has(schemas.RoleOfficer) {
		q.Set("provider", string(v.Me.Participant))
	}
	var found schemas.Found
	if asks["dataset"] {
		_ = v.API.Get(v.Ctx(), page.At("/datasets", q), &found)
	}
	for _, h := range found.Items {
		out["dataset"] = append(out["dataset"], choice{string(h.ID), page.Cut(mostTitle, page.In(h.Title, v.Reader.Tag).Words)})
	}
	var runs schemas.Page[schemas.Run]
	if asks["run"] {
		_ = v.API.Get(v.Ctx(), "/runs?limit="+most, &runs)
	}
	for _, r := range runs.Items {
		out["run"] = append(out["run"], choice{string(r.ID), page.Cut(mostTitle, r.ExternalID)})
		for _, o := range r.Outputs {
			if o.Kind == "model" && len(out["model"]) < mostChoices {
				out["model"] = append(out["model"], choice{o.Digest, page.Cut(mostTitle, o.Name)})
			}
		}
	}
	return out
}

// meant replaces what something is called by its id, where only one is called so; changed says whether it did.
func meant(v *page.Visit, q url.Values, proposed choices) (changed bool) {
	for _, name := range []string{"project", "run", "dataset"} {
		said := q.Get(name)
		if said == "" || slices.ContainsFunc(proposed[name], func(c choice) bool { return c.ID == said }) {
			continue
		}
		of := slices.DeleteFunc(slices.Clone(proposed[name]), func(c choice) bool { return !strings.EqualFold(c.Title, said) })
		if name == "dataset" && len(of) == 0 && !strings.HasPrefix(said, "ds-") {
			of = titledSo(v, said)
		}
		if len(of) == 1 {
			q.Set(name, of[0].ID)
			changed = true
		}
	}
	return changed
}

// titledSo finds the datasets with a title; none where what was said is nothing to search for.
func titledSo(v *page.Visit, title string) (out []choice) {
	if len(title) > 400 || strings.Contains(title, `"`) {
		return nil
	}
	var found schemas.Found
	_ = v.API.Get(v.Ctx(), page.At("/datasets", url.Values{"q": {`"` + title + `"`}, "limit": {"20"}, "brief": {"true"}}), &found)
	for _, h := range found.Items {
		for _, t := range h.Title {
			if strings.EqualFold(t, title) {
				out = append(out, choice{ID: string(h.ID)})
				break
			}
		}
	}
	return out
}
