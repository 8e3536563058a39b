using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Managed.Benchmarks.Path;
using Managed.Benchmarks.Vms;

if (args is ["path", .. var rest]) return await PathCommand.RunAsync(rest);
if (args is ["vms", .. var more]) return VmsCommand.Run(more);

// Short, and in this process: no project is generated and built, so that a run of everything is a minute or two.
var config = ManualConfig.Create(DefaultConfig.Instance).AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance))
    .WithOptions(ConfigOptions.DisableLogFile);
BenchmarkSwitcher.FromAssembly(typeof(PathCommand).Assembly).Run(args.Length == 0 ? ["--filter", "*"] : args, config);
return 0;
