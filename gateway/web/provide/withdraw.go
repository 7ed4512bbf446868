package provide

import (
	"net/http"
	"net/url"
	"strconv"

	"guichet/connectors/client"
	"guichet/gateway/web/owner"
	"guichet/gateway/web/page"
	"guichet/schemas"
)

// withdrawPage takes a dataset back, or a version of it: the page says first what that ends.
type withdrawPage struct {
	Dataset  schemas.Dataset
	Versions []schemas.VersionSummary // that are published
	Active   []schemas.Agreement      // that stand on the dataset
	More     bool                     // there are more than are listed
	What     string                   // the version; "" for the whole dataset
	End      bool                     // the agreements too
	Problem  *schemas.Error
}

// withdraw shows what there is to be withdrawn, and what stands on it.
func withdraw(v *page.Visit) error {
	return showWithdraw(v, http.StatusOK, &withdrawPage{What: v.R.URL.Query().Get("version")})
}

func showWithdraw(v *page.Visit, status int, p *withdrawPage) error {
	var err error
	p.Dataset, err = owner.Dataset(v)
	if err != nil {
		return err
	}
	all, err := client.All[schemas.VersionSummary](v.Ctx(), v.API, "/datasets/"+v.Param()+"/versions")
	if err != nil {
		return err
	}
	for _, one := range all {
		if one.State == schemas.VersionPublished {
			p.Versions = append(p.Versions, one)
		}
	}
	var stand schemas.Page[schemas.Agreement]
	err = v.API.Get(v.Ctx(), "/agreements?limit="+mostAgreements+"&dataset="+url.QueryEscape(string(p.Dataset.ID)), &stand)
	if err != nil {
		return err
	}
	for _, a := range stand.Items {
		if a.State == schemas.AgreementActive {
			p.Active = append(p.Active, a)
		}
	}
	p.More = stand.Next != ""
	v.Show(status, "withdraw", v.Reader.T("provide.withdraw.title", "Dataset", owner.Name(v, &p.Dataset)), p)
	return nil
}

// withdrawDo withdraws. The revision that was read goes with it: what was changed meanwhile is looked at again first.
func withdrawDo(v *page.Visit) error {
	p := &withdrawPage{What: v.R.PostFormValue("version"), End: v.R.PostFormValue("end") == "yes"}
	revision, err := strconv.ParseInt(v.R.PostFormValue("revision"), 10, 64)
	if err != nil || v.R.PostFormValue("sure") != "yes" {
		p.Problem = schemas.BadField("withdraw", "/sure", "%s", v.Reader.T("provide.withdraw.unsure"))
		return showWithdraw(v, http.StatusUnprocessableEntity, p)
	}
	path, then := "/datasets/"+v.Param(), "/provide"
	var how []client.Option
	if p.What == "" {
		how = append(how, client.IfMatch(revision))
	} else {
		path, then = path+"/versions/"+url.PathEscape(p.What), "/datasets/"+v.Param()
	}
	if p.End {
		path += "?revoke=true"
	}
	err = v.API.Do(v.Ctx(), http.MethodDelete, path, nil, nil, how...)
	if e, status := owner.Asked(err); e != nil {
		p.Problem = e
		return showWithdraw(v, status, p)
	}
	if err != nil {
		return err
	}
	http.Redirect(v.W, v.R, then, http.StatusSeeOther)
	return nil
}
