using System.Text.Json;
using Portolan.X86.Models;

namespace Portolan.Formats.Tests.QemuMonitor;

/// <summary>Every versioned model of the QEMU on this machine against our rows, asked of it while it runs.</summary>
public sealed class QemuModelTests
{
    /// <summary>Where this QEMU's words and the rows may differ, and why.</summary>
    private static readonly Dictionary<string, string> Explained = new(StringComparer.Ordinal)
    {
        ["vme"] = "TCG switches it off in every model (tcg_default_props)",
        ["vmx"] = "asked for here, so that QEMU shows the vmx- features of the model",
        ["hypervisor"] = "every QEMU CPU has it; no model lists it",
    };

    [Fact]
    public void Every_model_that_this_QEMU_knows_is_as_our_row_says()
    {
        using RunningQemu qemu = RunningQemu.Start("none", "");
        JsonElement[] definitions = [.. qemu.Ask("{\"execute\":\"query-cpu-definitions\"}").EnumerateArray()];
        HashSet<string> properties = [.. Expand(qemu, "base").EnumerateObject().Select(property => property.Name)];
        int compared = 0;
        foreach (string name in definitions.Select(definition => definition.GetProperty("name").GetString()!))
        {
            if (CpuModelTable.TryFind(CpuModelOrigin.Qemu, name, out CpuModel? model) && model.Name == name)
            {
                Compare(model, Expand(qemu, name), properties);
                compared++;
            }
        }

        string[] versioned = [.. definitions.Where(definition => !definition.TryGetProperty("alias-of", out _)).Select(definition => definition.GetProperty("name").GetString()!)];
        Assert.All(versioned.Except(["base", "host", "max"]), name => Assert.True(CpuModelTable.TryFind(CpuModelOrigin.Qemu, name, out _), name));
        Assert.True(compared >= 70, $"only {compared} models were compared");
    }

    [Fact]
    public void Every_alias_is_the_one_that_this_QEMU_has()
    {
        using RunningQemu qemu = RunningQemu.Start("q35", "");
        (string Name, string Of)[] aliases = [.. qemu.Ask("{\"execute\":\"query-cpu-definitions\"}").EnumerateArray()
            .Where(definition => definition.TryGetProperty("alias-of", out _))
            .Select(definition => (definition.GetProperty("name").GetString()!, definition.GetProperty("alias-of").GetString()!))];
        Assert.True(aliases.Length > 40);
        Assert.All(aliases, alias => Assert.True(
            CpuModelTable.TryFind(CpuModelOrigin.Qemu, alias.Name, out CpuModel? model) && model.Name == alias.Of, $"{alias.Name} is {alias.Of}"));
    }

    private static JsonElement Expand(RunningQemu qemu, string model)
        => qemu.Ask("{\"execute\":\"query-cpu-model-expansion\",\"arguments\":{\"type\":\"full\",\"model\":{\"name\":\"" + model + "\",\"props\":{\"vmx\":true}}}}")
            .GetProperty("model").GetProperty("props");

    private static void Compare(CpuModel model, JsonElement told, HashSet<string> properties)
    {
        string[] theirs = [.. told.EnumerateObject().Where(property => property.Value.ValueKind == JsonValueKind.True)
            .Select(property => QemuCpuFacts.TryFind(property.Name, out QemuProperty? known) && known.Kind == QemuPropertyKind.Feature ? known.Name : null)
            .OfType<string>().Distinct().Where(name => !Explained.ContainsKey(name)).Order(StringComparer.Ordinal)];
        string[] ours = [.. model.Features.Where(feature => properties.Contains(feature) && !Explained.ContainsKey(feature))];
        Assert.Equal(ours, theirs);
        Assert.Equal(model.Vendor, told.GetProperty("vendor").GetString());
        Assert.Equal(model.ModelId ?? "", told.GetProperty("model-id").GetString());
        Assert.Equal(
            (model.Signatures[0].Family, model.Signatures[0].FirstModel, model.Signatures[0].FirstStepping),
            (told.GetProperty("family").GetUInt32(), told.GetProperty("model").GetUInt32(), told.GetProperty("stepping").GetUInt32()));
        Assert.Equal(model.Settings["level"], told.GetProperty("level").GetUInt32().ToString(System.Globalization.CultureInfo.InvariantCulture));
        Assert.Equal(model.Settings.GetValueOrDefault("xlevel", "0x0"), $"0x{told.GetProperty("xlevel").GetUInt32():x}");
    }
}
