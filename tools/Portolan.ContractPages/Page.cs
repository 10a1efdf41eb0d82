namespace Portolan.ContractPages;

/// <summary>A page of docs/contract that is made from tables and recorded hosts.</summary>
/// <param name="Path">Its place below the repository's root.</param>
/// <param name="Text">Markdown, lines ended by LF.</param>
public sealed record Page(string Path, string Text);
