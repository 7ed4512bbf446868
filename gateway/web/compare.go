package web

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"guichet/gateway/web/page"
	"guichet/schemas"
)

// mostCompared is how many datasets stand side by side: more columns nobody reads.
const mostCompared = 6

// comparison is datasets side by side, for one use.
type comparison struct {
	For     use
	IDs     []string
	Sets    []beside
	Columns []columnCompared // those of most of the datasets first
	More    int              // columns that are not shown
	Missing int              // datasets that are not there, or not for this reader
}

// beside is one of them.
type beside struct {
	datasetPage
	Without string // the comparison without it
}

// columnCompared is a name of columns with what each dataset has by it, in the order of the datasets.
type columnCompared struct {
	Name string
	In   []*schemas.Field // nil: none
	of   int
}

// mostColumns bounds the columns that are compared.
const mostColumns = 60

// compare shows datasets side by side.
func compare(v *page.Visit) error {
	body := comparison{IDs: named(v.R.URL.Query())}
	if n := len(body.IDs); n > mostCompared {
		return &schemas.Error{Kind: schemas.TooLarge, Subject: "comparison", Remedy: "go back and choose fewer",
			Message: fmt.Sprintf("at most %d datasets stand side by side; these are %d", mostCompared, n)}
	}
	var err error
	body.For, err = used(v)
	if err != nil {
		return err
	}
	for _, id := range body.IDs {
		rest := slices.DeleteFunc(slices.Clone(body.IDs), func(s string) bool { return s == id })
		one := beside{datasetPage: datasetPage{For: body.For}, Without: body.at(rest)}
		err := v.API.Get(v.Ctx(), "/datasets/"+url.PathEscape(id), &one.Dataset)
		if kind := schemas.KindOf(err); kind == schemas.NotFound || kind == schemas.Gone {
			body.Missing++
			continue
		}
		if err == nil {
			err = judge(v, &one.datasetPage)
		}
		if err == nil {
			err = tables(v, &one.datasetPage)
		}
		if err != nil {
			return err
		}
		body.Sets = append(body.Sets, one)
	}
	body.line()
	v.Show(http.StatusOK, "compare", v.Reader.T("compare.title"), &body)
	return nil
}

// named are the datasets that an address names: a list of ids, as links have it, or the boxes that were ticked, each a key
// of its own (id-3), since no address has a key twice.
func named(q url.Values) (ids []string) {
	for _, key := range slices.Sorted(maps.Keys(q)) {
		if key != "id" && !strings.HasPrefix(key, "id-") {
			continue
		}
		for id := range strings.SplitSeq(q.Get(key), ",") {
			if id != "" && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// Listed are the ids as an address has them.
func (c *comparison) Listed() string { return strings.Join(c.IDs, ",") }

// at is the address of a comparison for the same use.
func (c *comparison) at(ids []string) string {
	q := url.Values{"id": {strings.Join(ids, ",")}}
	c.For.set(q)
	return page.At("/compare", q)
}

// Wide is how many columns the table has.
func (c *comparison) Wide() int { return len(c.Sets) + 1 }

// Times are the first of those that the dataset covers.
func (c *beside) Times() []schemas.Days {
	all := c.Covered()
	return all[:min(3, len(all))]
}

// line puts columns of one name into one row.
func (c *comparison) line() {
	rows := map[string]*columnCompared{}
	for i := range c.Sets {
		for t := range c.Sets[i].Tables {
			columns := c.Sets[i].Tables[t].Columns
			for f := range columns {
				name := strings.ToLower(columns[f].Name)
				row := rows[name]
				if row == nil {
					row = &columnCompared{Name: columns[f].Name, In: make([]*schemas.Field, len(c.Sets))}
					rows[name] = row
				}
				if row.In[i] == nil {
					row.In[i] = &columns[f]
					row.of++
				}
			}
		}
	}
	for _, row := range rows {
		c.Columns = append(c.Columns, *row)
	}
	slices.SortFunc(c.Columns, func(a, b columnCompared) int { return cmp.Or(b.of-a.of, strings.Compare(a.Name, b.Name)) })
	if c.More = len(c.Columns) - mostColumns; c.More > 0 {
		c.Columns = c.Columns[:mostColumns]
	}
}
