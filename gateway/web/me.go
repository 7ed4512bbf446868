package web

import (
	"net/http"

	kept "guichet/catalog/saved"
	"guichet/gateway/web/page"
	"guichet/gateway/web/saved"
	"guichet/schemas"
)

// mePage says who the person is here.
type mePage struct {
	Me       *schemas.Identity
	Projects []schemas.Project
	Searches []kept.Counted
}

// me shows who the gateway takes the person for.
func me(v *page.Visit) error {
	body := mePage{Me: v.Me}
	var err error
	body.Projects, err = v.Projects()
	if err != nil {
		return err
	}
	body.Searches, err = saved.Of(v)
	if err != nil {
		return err
	}
	v.Show(http.StatusOK, "me", v.Reader.T("me.title"), &body)
	return nil
}

// back is where a sign-in ends that began beside a form: the form waits on another page.
func back(v *page.Visit) error {
	v.Show(http.StatusOK, "back", v.Reader.T("back.title"), nil)
	return nil
}
