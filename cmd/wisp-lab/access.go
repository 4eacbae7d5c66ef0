package main

import (
	"cmp"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/wispnet/wisp/internal/lab"
)

// accessFlags say how the hub is reached: by flags, else by the environment, so that no
// command line needs eight of them and none holds a secret.
type accessFlags struct{ lab.Access }

// accessFlag is one of them.
type accessFlag struct {
	name, env, usage string
	into             func(*lab.Access) *string
}

// accessTable is all of them, in the order of the help.
var accessTable = []accessFlag{
	{"hub", "WISP_LAB_HUB", "`URL` of the hub or of a NATS cluster; several, separated by commas", func(a *lab.Access) *string { return &a.URL }},
	{"token-file", "WISP_LAB_TOKEN_FILE", "a `FILE` that holds the hub's token", func(a *lab.Access) *string { return &a.TokenFile }},
	{"creds", "WISP_LAB_CREDS", "a `FILE` of NATS credentials", func(a *lab.Access) *string { return &a.Creds }},
	{"nkey", "WISP_LAB_NKEY", "a `FILE` of an nkey seed", func(a *lab.Access) *string { return &a.NKey }},
	{"user", "WISP_LAB_USER", "`NAME` of a user, with --password-file", func(a *lab.Access) *string { return &a.User }},
	{"password-file", "WISP_LAB_PASSWORD_FILE", "a `FILE` that holds the user's password", func(a *lab.Access) *string { return &a.Password }},
	{"tls-ca", "WISP_LAB_TLS_CA", "PEM `FILE` of the authority of the hub's certificate", func(a *lab.Access) *string { return &a.CA }},
	{"tls-cert", "WISP_LAB_TLS_CERT", "PEM `FILE` of this client's certificate, with --tls-key", func(a *lab.Access) *string { return &a.Cert }},
	{"tls-key", "WISP_LAB_TLS_KEY", "PEM `FILE` of its key", func(a *lab.Access) *string { return &a.Key }},
}

// localHub is where a hub serves that was started without an address.
const localHub = "nats://127.0.0.1:4222"

func (f *accessFlags) add(cmd *cobra.Command) {
	for _, x := range accessTable {
		into := x.into(&f.Access)
		cmd.Flags().StringVar(into, x.name, "", fmt.Sprintf("%s ($%s)", x.usage, x.env))
		*into = os.Getenv(x.env)
	}
	f.URL = cmp.Or(f.URL, localHub)
	cmd.Flags().Lookup("hub").DefValue = localHub
}
