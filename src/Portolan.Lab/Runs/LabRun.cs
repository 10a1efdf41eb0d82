using System.Collections.Immutable;
using Portolan.Lab.Emulators;
using Portolan.Lab.Kernels;

namespace Portolan.Lab.Runs;

/// <summary>Is told what a lab run is doing; from several threads where several kernels are booted at a time.</summary>
public interface ILabProgress
{
    /// <summary>Something that takes a while and is no boot.</summary>
    void Say(string message);

    /// <summary>A stage of a boot began.</summary>
    /// <param name="name">The kernel and oracle, as in <c>amd-qemu-max-6.1.192</c>.</param>
    /// <param name="stage">Firmware, kernel, modules, or the command that runs.</param>
    void Stage(string name, string stage);

    /// <summary>A boot ended.</summary>
    void Done(LabResult result);
}

/// <summary>Boots kernels one after another, or a few at a time. It installs nothing and leaves nothing behind but the user's cache of packages.</summary>
public sealed class LabRun
{
    private readonly LabRequest _request;
    private readonly ILabProgress _progress;

    private sealed record Prepared(string Asked, string? Package, KernelTree Tree);

    private sealed record Job(Prepared Kernel, Oracle Oracle, string Folder);

    /// <summary>A run of a request.</summary>
    public LabRun(LabRequest request, ILabProgress progress)
    {
        _request = request;
        _progress = progress;
    }

    /// <summary>Checks what the machine has, gets every kernel, then boots each under each oracle. The results stand in the order asked.</summary>
    /// <exception cref="OperationCanceledException">Cancelled; every process is ended and every temporary file removed.</exception>
    public Obtained<IReadOnlyList<LabResult>> Run(CancellationToken cancel)
    {
        if (Lacking() is { } lacking)
        {
            return lacking;
        }

        DirectoryInfo work = Directory.CreateTempSubdirectory("portolan-lab-");
        try
        {
            return RunIn(work.FullName, cancel);
        }
        finally
        {
            Remove(work.FullName);
        }
    }

    private Obtained<IReadOnlyList<LabResult>> RunIn(string work, CancellationToken cancel)
    {
        List<Job> jobs = [];
        KernelSource source = new(_request, _progress);
        for (int i = 0; i < _request.Kernels.Length; i++)
        {
            string asked = _request.Kernels[i];
            Obtained<KernelTree> tree = source.Get(asked, Path.Combine(work, $"kernel{i}"), out string? package, cancel);
            if (!tree.Ok)
            {
                return tree.Fault;
            }

            jobs.AddRange(_request.Oracles.Select(oracle => new Job(new Prepared(asked, package, tree.Value), oracle, Path.Combine(work, $"boot{i}-{oracle.Name}"))));
        }

        return _request.Chain is { } chain ? BootChain(jobs, chain, cancel) : BootAll(jobs, cancel);
    }

    private Obtained<IReadOnlyList<LabResult>> BootChain(List<Job> jobs, Func<string, LabResult?, BootPlan?> chain, CancellationToken cancel)
    {
        List<LabResult> results = [];
        foreach (Job job in jobs)
        {
            if (chain(LabResult.NameOf(job.Oracle, job.Kernel.Tree.Header), results.LastOrDefault()) is not { } plan)
            {
                break;
            }

            Obtained<LabResult> result = Boot(job, plan, cancel);
            if (!result.Ok)
            {
                return result.Fault;
            }

            results.Add(result.Value);
        }

        return results;
    }

    private Obtained<IReadOnlyList<LabResult>> BootAll(List<Job> jobs, CancellationToken cancel)
    {
        Obtained<LabResult>[] results = new Obtained<LabResult>[jobs.Count];
        try
        {
            Parallel.For(0, jobs.Count, new ParallelOptions { MaxDegreeOfParallelism = _request.Jobs, CancellationToken = cancel }, i => results[i] = Boot(jobs[i], null, cancel));
        }
        catch (AggregateException several) when (several.InnerExceptions.All(static inner => inner is OperationCanceledException))
        {
            throw new OperationCanceledException(cancel);
        }

        return results.Select(static result => result.Fault).FirstOrDefault(static fault => fault is not null) is { } fault
            ? fault
            : results.Select(static result => result.Value!).ToList();
    }

    private Obtained<LabResult> Boot(Job job, BootPlan? plan, CancellationToken cancel)
    {
        string name = LabResult.NameOf(job.Oracle, job.Kernel.Tree.Header);
        BootRequest request = new(job.Kernel.Tree, job.Oracle, _request.Program, plan?.Commands ?? _request.CommandsFor(name))
        {
            TimeLimit = _request.TimeLimit,
            Cpu = _request.Cpu,
            Files = plan?.Files ?? _request.Files,
            HostName = name,
        };
        Obtained<BootReport> report = KernelBoot.Run(request, job.Folder, stage => _progress.Stage(name, stage), cancel);
        Remove(job.Folder);
        if (!report.Ok)
        {
            return report.Fault;
        }

        LabResult result = new(job.Kernel.Asked, job.Kernel.Package, job.Oracle, job.Kernel.Tree.Header, report.Value);
        _progress.Done(result);
        return result;
    }

    /// <summary>Names the packages to install, all of them at once.</summary>
    private LabFault? Lacking()
    {
        IEnumerable<Requirement> missing = _request.Oracles.SelectMany(static oracle => oracle.Missing);
        if (_request.Kernels.Any(KernelSource.NeedsClient) && ChildProcess.Find("apt-get") is null)
        {
            missing = missing.Append(new Requirement("apt-get", "apt"));
        }

        ImmutableSortedSet<string> packages = missing.Select(static requirement => requirement.Package).ToImmutableSortedSet(StringComparer.Ordinal);
        return packages.IsEmpty ? null : LabFault.Unavailable($"the lab lacks the packages {string.Join(' ', packages)}; install them with the distribution's client");
    }

    private static void Remove(string folder)
    {
        try
        {
            Directory.Delete(folder, recursive: true);
        }
        catch (DirectoryNotFoundException)
        {
            // It was never made.
        }
    }
}
