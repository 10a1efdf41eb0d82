using System.Globalization;
using Portolan.Kvm.Capture;
using Portolan.Kvm.Clauses;

namespace Portolan.Kvm.Routes;

/// <summary>Writes down the calls of one host of a route.</summary>
internal sealed class RouteRecorder(List<RouteStep> steps) : ISetupObserver, ITransferObserver
{
    internal int Hop { get; private set; }

    internal string Host { get; private set; } = "";

    internal RoutePhase Phase { get; set; }

    /// <summary>The names of facts that a call found missing.</summary>
    internal SortedSet<string> MissingFacts { get; } = new(StringComparer.Ordinal);

    internal void Enter(int hop, string host)
    {
        Hop = hop;
        Host = host;
        Phase = RoutePhase.Setup;
    }

    internal void Note(string call, string essentials, KvmAnswer answer, bool refused = false)
    {
        if (answer.IsUnknown && answer.Rule is { } rule)
        {
            MissingFacts.Add(MissingFact.NameOf(rule) ?? rule.Statement);
        }

        steps.Add(new RouteStep(Hop, Host, Phase, call, essentials, answer) { Refused = (refused || !answer.Ok) && !answer.IsUnknown });
    }

    /// <inheritdoc/>
    public void OnStep(in SetupStep step)
        => Note(
            SetupCalls.Of(step.Part),
            step.RefusedMsr is { } msr ? string.Create(CultureInfo.InvariantCulture, $"stopped at {msr}") : "",
            step.Answer,
            !step.Ok);

    /// <inheritdoc/>
    public void OnStep(in TransferStep step, VcpuTransfer transfer)
    {
        bool saves = Phase == RoutePhase.Save;
        string essentials = saves && !step.Answer.Ok ? "" : transfer.EssentialsOf(step.Part, saves);
        if (step.RefusedMsr is { } msr)
        {
            essentials = string.Create(CultureInfo.InvariantCulture, $"{essentials}; stopped at {msr}");
        }

        Note(transfer.IoctlOf(step.Part, saves), essentials, step.Answer, !step.Ok);
    }
}
