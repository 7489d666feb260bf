package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (c *cli) configCommand() *cobra.Command {
	check := &cobra.Command{
		Use:   "check",
		Short: "Read the config file and the files it names, tell every mistake, exit 2 when there is one",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			cfg, err := c.loadConfig()
			if err != nil {
				return err
			}
			if err := cfg.checkFiles(); err != nil {
				return err
			}
			if err := cfg.checkSources(); err != nil {
				return err
			}
			out := struct {
				File    string `json:"file"`
				DataDir string `json:"data_dir"`
			}{cfg.file, cfg.DataDir}
			return c.print(out, func() { fmt.Fprintf(c.out, "%s is in order; data folder %s\n", out.File, out.DataDir) })
		},
	}
	return group("config", "The config file", check)
}
