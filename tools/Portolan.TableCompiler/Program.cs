using Portolan.TableCompiler;

string root = args.Length > 0 ? args[0] : Directory.GetCurrentDirectory();
Problems problems = new();
IReadOnlyList<GeneratedFile> files = AllTables.Compile(root, problems);
foreach (string line in problems.Lines)
{
    Console.Error.WriteLine(line);
}

if (problems.Lines.Count > 0)
{
    return 65;
}

foreach (GeneratedFile file in files)
{
    string path = Path.Combine(root, file.Path);
    Directory.CreateDirectory(Path.GetDirectoryName(path)!);
    if (!File.Exists(path) || File.ReadAllText(path) != file.Text)
    {
        File.WriteAllText(path, file.Text);
        Console.WriteLine(file.Path);
    }
}

return 0;
