package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"posthorn/store"
	"posthorn/store/maildir"
)

func (c *cli) reindexCommand() *cobra.Command {
	var search bool
	cmd := &cobra.Command{
		Use:   "reindex",
		Short: "Rebuild a lost database from the folders; the server must not run",
		Long: "Rebuilds a lost database from the folders. With --search the index that answers IMAP's SEARCH is rebuilt instead, " +
			"while the server runs or not; searches meanwhile take longer and find the same.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if search {
				return c.rebuildSearch(cmd.Context())
			}
			cfg, err := c.loadConfig()
			if err != nil {
				return err
			}
			if err := reindex(cmd.Context(), cfg, c.progress("messages")); err != nil {
				return err
			}
			return c.print(none{}, func() { fmt.Fprintln(c.out, "the database is rebuilt; posthorn check compares it with the folders") })
		},
	}
	cmd.Flags().BoolVar(&search, "search", false, "rebuild the search index")
	return cmd
}

// progress shows how far something is, on a terminal only.
func (c *cli) progress(of string) func(done, total int64) {
	if !isTerminal(c.err) {
		return func(int64, int64) {}
	}
	return func(done, total int64) {
		fmt.Fprintf(c.err, "\r%d of %d %s", done, total, of)
		if done == total {
			fmt.Fprintln(c.err)
		}
	}
}

// reindex needs the folder for itself, so it is never asked of a server.
func reindex(ctx context.Context, cfg *Config, progress func(done, total int64)) error {
	if err := becomeOwner(cfg.DataDir); err != nil {
		return err
	}
	err := store.Reindex(ctx, cfg.DataDir, maildir.New(cfg.DataDir), progress)
	if errors.Is(err, store.ErrExists) {
		return worded{fmt.Sprintf("%s has its database, or the log of it: reindex rebuilds one that is lost. To rebuild it all the same, move posthorn.db* away first", cfg.DataDir), err}
	}
	return err
}
