namespace Portolan.Kvm.Routes;

/// <summary>What a step of a route does on its host.</summary>
public enum RoutePhase
{
    /// <summary>The VM and its vCPU are made and given what the contract promised.</summary>
    Setup,

    /// <summary>The guest's state is loaded.</summary>
    Load,

    /// <summary>What code in the guest sees and does.</summary>
    Guest,

    /// <summary>The guest's state is saved.</summary>
    Save,
}

/// <summary>One call on a route, and its answer.</summary>
/// <param name="Hop">How many hops lie behind the host: 0 on the first host.</param>
/// <param name="Host">The host.</param>
/// <param name="Phase">What the call is part of.</param>
/// <param name="Call">The ioctl, system call or instruction.</param>
/// <param name="Essentials">What it carried, in a few words.</param>
/// <param name="Answer">Its answer.</param>
public sealed record RouteStep(int Hop, string Host, RoutePhase Phase, string Call, string Essentials, KvmAnswer Answer)
{
    /// <summary>Was it refused, or stopped part of the way?</summary>
    public bool Refused { get; init; }
}
