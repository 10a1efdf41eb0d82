namespace Portolan.TableCompiler;

/// <summary>Every table there is. A new table is one class in Tables/ and one line here.</summary>
public static class AllTables
{
    /// <summary>The tables, in the order in which they are compiled.</summary>
    public static IReadOnlyList<ITable> Tables { get; } =
    [
        new Tables.BehavioursTable(),
        new Tables.ClausesTable(),
        new Tables.CasesTable(),
        new Tables.FeaturesTable(),
        new Tables.CapabilitiesTable(),
        new Tables.XFeaturesTable(),
        new Tables.MicrocodeTable(),
        new Tables.MsrsTable(),
        new Tables.VmxControlsTable(),
        new Tables.VmxRestoreRulesTable(),
        new Tables.VmxCr4Fixed1Table(),
        new Tables.VmxSecondaryCpuidTable(),
        new Tables.EvmcsTable(),
        new Tables.FirecrackerNormalizationTable(),
        new Tables.QemuPropertiesTable(),
        new Tables.ModelMsrsTable(),
        new Tables.ExposureTable(),
        new Tables.CpuLinesTable(),
        new Tables.SaveSetsTable(),
        new Tables.GuestFormatWordsTable(),
        new Tables.ModelsTable(),
        new Tables.VmstatesTable(),
        new Tables.ConformanceTable(),
        new Tables.Vmcs12Table(),
        new Tables.QemuCpuTable(),
        new Tables.ModuleParametersTable(),
    ];

    /// <summary>Compiles every table. With a problem, no file is answered.</summary>
    public static IReadOnlyList<GeneratedFile> Compile(string root, Problems problems)
    {
        List<GeneratedFile> files = [];
        foreach (ITable table in Tables)
        {
            files.AddRange(table.Compile(root, problems));
        }

        return problems.Lines.Count == 0 ? files : [];
    }
}
