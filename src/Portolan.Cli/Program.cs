return (int)Portolan.Cli.Frame.CommandLineProgram.Run(args, Portolan.Cli.Frame.Terminal.OfProcess());
