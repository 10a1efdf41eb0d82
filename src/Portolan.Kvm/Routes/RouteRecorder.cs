using System.Globalization;
using Portolan.Kvm.Capture;
using Portolan.Kvm.Clauses;
using Portolan.X86.Xsave;

namespace Portolan.Kvm.Routes;

/// <summary>Writes down the calls of a route, or, silent, only what was refused and what was missing.</summary>
internal sealed class RouteRecorder(bool silent) : ISetupObserver, ITransferObserver
{
    private readonly List<RouteStep> _steps = [];
    private readonly List<RouteRefusal> _refusals = [];
    private readonly List<MissingAt> _missing = [];

    internal int Hop { get; private set; }

    internal string Host { get; private set; } = "";

    internal RoutePhase Phase { get; set; }

    /// <summary>Are no texts wanted?</summary>
    internal bool Silent => silent;

    internal IReadOnlyList<RouteStep> Steps => _steps;

    internal IReadOnlyList<RouteRefusal> Refusals => _refusals;

    internal IReadOnlyList<MissingAt> Missing => _missing;

    /// <summary>What can no longer be told of the guest, because an answer missed a fact.</summary>
    internal Untold Untold { get; } = new();

    /// <summary>Refuses this host the guest: a call of its setup, load or save was refused and the VMM did not ignore it?</summary>
    internal bool Blocked { get; private set; }

    internal void Enter(int hop, string host)
    {
        Hop = hop;
        Host = host;
        Phase = RoutePhase.Setup;
        Blocked = false;
    }

    /// <summary>Writes down a call.</summary>
    internal void Note(string call, string essentials, KvmAnswer answer, bool refused = false)
    {
        Miss(answer);
        if (!silent)
        {
            _steps.Add(new RouteStep(Hop, Host, Phase, call, essentials, answer) { Refused = (refused || !answer.Ok) && !answer.IsUnknown });
        }
    }

    /// <summary>Remembers the fact that an answer missed.</summary>
    internal void Miss(KvmAnswer answer)
    {
        if (answer.IsUnknown && answer.Rule is { } rule)
        {
            Miss(MissingFact.NameOf(rule) ?? rule.Statement);
        }
    }

    /// <summary>Remembers a missing fact.</summary>
    internal void Miss(string fact)
    {
        MissingAt missing = new(Hop, fact);
        if (!_missing.Contains(missing))
        {
            _missing.Add(missing);
        }
    }

    /// <summary>Remembers a refusal.</summary>
    internal void Refuse(RouteRefusal refusal)
    {
        _refusals.Add(refusal);
        Blocked |= !refusal.Ignored && refusal.Phase != RoutePhase.Guest;
    }

    /// <inheritdoc/>
    public void OnStep(in SetupStep step)
    {
        Note(
            SetupCalls.Of(step.Part),
            step.RefusedMsr is { } msr ? string.Create(CultureInfo.InvariantCulture, $"stopped at {msr}") : "",
            step.Answer,
            !step.Ok);
        if (step.Answer.IsUnknown)
        {
            Untold.After(step.Part);
        }
        else if (!step.Ok)
        {
            XFeatureMask components = step.RefusedComponent is { } component ? XFeatureMask.Of(component) : default;
            Refuse(new RouteRefusal(Hop, Phase, step.Answer) { Setup = step.Part, Msr = step.RefusedMsr, Components = components });
        }
    }

    /// <inheritdoc/>
    public void OnStep(in TransferStep step, VcpuTransfer transfer)
    {
        if (!silent)
        {
            Tell(step, transfer);
        }

        Miss(step.Answer);
        if (step.Answer.IsUnknown)
        {
            Untold.After(step);
        }
        else if (!step.Ok && !(Phase == RoutePhase.Save && Untold[step.Part]))
        {
            Refuse(new RouteRefusal(Hop, Phase, step.Answer)
            {
                Part = step.Part,
                Msr = step.RefusedMsr,
                Components = step.Part == VcpuPart.Xsave && Phase == RoutePhase.Load ? ComponentsOf(transfer) : default,
                Ignored = step.Ignored,
            });
        }
    }

    private void Tell(in TransferStep step, VcpuTransfer transfer)
    {
        bool saves = Phase == RoutePhase.Save;
        string essentials = saves && !step.Answer.Ok ? "" : transfer.EssentialsOf(step.Part, saves);
        if (step.RefusedMsr is { } msr)
        {
            essentials = string.Create(CultureInfo.InvariantCulture, $"{essentials}; stopped at {msr}");
        }

        Note(transfer.IoctlOf(step.Part, saves), essentials, step.Answer, !step.Ok);
    }

    private static XFeatureMask ComponentsOf(VcpuTransfer transfer)
        => ReadOnlyXsaveImage.TryOpen(transfer.Xsave, out ReadOnlyXsaveImage view, out _) ? view.XstateBv : XFeatureMask.None;
}
