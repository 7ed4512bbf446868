package s3

import "github.com/versity/versitygw/auth"

// oneAccount knows the root account alone. versitygw's own such service
// answers 404 to an unknown access key; a real store answers 403.
type oneAccount struct {
	auth.IAMService // refuses to make, change or list accounts
	root            auth.Account
}

var _ auth.IAMService = oneAccount{}

func newOneAccount(k Keys) oneAccount {
	root := auth.Account{Access: k.Access, Secret: k.Secret, Role: auth.RoleAdmin}
	return oneAccount{IAMService: auth.NewIAMServiceSingle(root), root: root}
}

// GetUserAccount returns the root account or auth.ErrNoSuchUser.
func (o oneAccount) GetUserAccount(access string) (auth.Account, error) {
	if access != o.root.Access {
		return auth.Account{}, auth.ErrNoSuchUser
	}
	return o.root, nil
}
