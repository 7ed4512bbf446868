package schemas

import "time"

// Hit is one dataset found, with its mark.
type Hit struct {
	ID          DatasetID         `json:"id"`
	Title       Text              `json:"title"`
	Space       SpaceID           `json:"space"`
	Publisher   string            `json:"publisher,omitempty"`
	Provider    ParticipantID     `json:"provider"`
	Licence     string            `json:"licence,omitempty"`
	Licences    []string          `json:"licences,omitempty" doc:"all, where there are several; licence is the strictest"`
	Attribution string            `json:"attribution,omitempty"`
	Countries   []string          `json:"countries,omitempty"`
	Rows        int64             `json:"rows,omitempty"`
	Bytes       int64             `json:"bytes,omitempty"`
	Version     VersionID         `json:"version,omitempty"`
	Access      Mark              `json:"access" enum:"now,ask,no,elsewhere"`
	Reasons     []Reason          `json:"reasons,omitempty" doc:"why"`
	Notes       []string          `json:"notes,omitempty" doc:"where the licence asks for more than the terms"`
	Left        *Left             `json:"left,omitempty" doc:"what the budgets of the terms still give to the project that was named"`
	Links       []Link            `json:"links,omitempty" doc:"for elsewhere: where it is held"`
	Highlight   map[string]string `json:"highlight,omitempty" doc:"field to the text around what was found, marked by **"`
	Same        []Origin          `json:"same,omitempty" doc:"the same data in other catalogues, or of other providers: the first ten"`
	SameTotal   int               `json:"same_total,omitempty" doc:"how many there are of these"`
	Facts
}

// Origin is one of the datasets that are the same data.
type Origin struct {
	ID        DatasetID     `json:"id"`
	Publisher string        `json:"publisher,omitempty"`
	Provider  ParticipantID `json:"provider"`
	Source    SourceID      `json:"source,omitempty" doc:"the catalogue of others that it was harvested from"`
	Address   string        `json:"address,omitempty" doc:"where it is described, or held"`
}

// Facts are what trainers judge a dataset by beside what it says. None is of few persons.
type Facts struct {
	Updated time.Time `json:"updated,omitzero" doc:"when the data or its description changed last, as its provider says or as is known here"`
	Runs    int       `json:"runs,omitempty" doc:"training runs that read it; from 5 on, counted up to 1000; only of what everyone may see"`
	Wait    *Wait     `json:"wait,omitempty" doc:"how long an answer to a request takes; of 5 answers or more, only of what everyone may see"`
}

// MostRuns is the number of runs up to which they are counted: a dataset that has so many may have more.
const MostRuns = 1000

// Wait is how long those who asked waited for an answer.
type Wait struct {
	Hours   int64  `json:"hours" doc:"median from request to answer, in hours begun"`
	Answers int    `json:"answers" doc:"how many answers it is of, the newest; at most 31"`
	Of      string `json:"of" enum:"dataset,provider" doc:"whose they are: the dataset's, or, where these are too few, its provider's"`
}

// Whose answers a Wait is of.
const (
	WaitOfDataset  = "dataset"
	WaitOfProvider = "provider"
)

// Found is what a search answers.
type Found struct {
	Total   uint64           `json:"total"`
	Items   []Hit            `json:"items"`
	Facets  map[string]Facet `json:"facets,omitempty"`
	Next    string           `json:"next,omitempty"`
	Without []string         `json:"without,omitempty" doc:"words of the search that say nothing by themselves, which were left out since with them nothing was found"`
	Notes   []string         `json:"notes,omitempty" doc:"what was typed as a filter and is none; where nothing was found: filters that no dataset passes, with values that are near"`
	Near    []Near           `json:"near,omitempty" doc:"where nothing was found: searches with fewer words, or with words as they are written here, that find something; of what everyone may see"`
}

// Facet counts the values of one field over all hits.
type Facet struct {
	Values    []FacetValue `json:"values"`
	Remainder int          `json:"remainder" doc:"hits with values that are not listed"`
}

// FacetValue is one value with its number of datasets.
type FacetValue struct {
	Value string `json:"value"`
	Label string `json:"label,omitempty"`
	Count int    `json:"count"`
}

// Near is a search that is near to one that found nothing.
type Near struct {
	Words   string            `json:"q" doc:"the words of the search that finds something"`
	Without []string          `json:"without,omitempty" doc:"the words that it leaves out"`
	Instead map[string]string `json:"instead,omitempty" doc:"words that nothing holds, to what they are written as here"`
	Total   uint64            `json:"total" doc:"how many datasets it finds of those that everyone may see"`
}

// Page is the part of an answer that is one page of a list.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty" doc:"opaque cursor of the next page; absent at the end"`
}
