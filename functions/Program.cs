#if CLOUD
using Azure.Identity;
using Azure.Monitor.OpenTelemetry.Exporter;
using Microsoft.Azure.Functions.Worker.Builder;
using Microsoft.Azure.Functions.Worker.OpenTelemetry;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Serverless.Cloud;
using Serverless.Core.Access;
using Serverless.Core.Messaging;
using Serverless.Core.Notifications;
using Serverless.Core.Submit;
using Serverless.Core.Workspaces;
using Serverless.Functions.Hosting;
using Serverless.Functions.Http;

// The platform as an Azure Functions app. Its settings are in infra/modules/functions.bicep. The
// triggers read ServiceBus__fullyQualifiedNamespace by themselves.
var builder = FunctionsApplication.CreateBuilder(args);
var machines = MachineList.Parse(Needed(MachineList.Setting));
builder.ConfigureFunctionsWebApplication();
builder.Services.AddPlatform()
    .AddEntra(EntraOptions.Parse(Setting(EntraOptions.TenantSetting), Setting(EntraOptions.ClientIdSetting)))
    .AddSingleton(TimeProvider.System)
    // What answers HTTP in front of the app ends a request that was silent for 230 s, and not always so that the other side hears of it.
    .AddSingleton(new ApiLimits
    {
        FollowFor = TimeSpan.FromSeconds(200),
        DirectLinks = Setting("EXP_DIRECT_LINKS") == "off" ? TimeSpan.Zero : ApiLimits.DefaultDirectLinks,
    })
    .AddSingleton(new WebhookOptions())
    .AddSingleton(new SubmissionOptions { MachineClasses = [.. machines.Names], DiskBytes = machines.DiskBytes })
    .AddSingleton(CloudConnections.Workspaces(Setting(CloudConnections.BlobConnection) ?? Needed(CloudConnections.BlobEndpoint)))
    .AddSingleton(CloudConnections.Bus(Needed(CloudConnections.ServiceBus)));
if (Setting("APPLICATIONINSIGHTS_CONNECTION_STRING") is not null)
{
    // The exporter finds the connection by itself; it names the place and authorizes nothing.
    builder.Services.AddOpenTelemetry().UseFunctionsWorkerDefaults()
        .UseAzureMonitorExporter(options => options.Credential = new DefaultAzureCredential());
}

var app = builder.Build();
if (!await FirstKey.Ensure(app.Services.GetRequiredService<ApiKeys>(), Needed("EXP_WORKSPACE"), Setting(FirstKey.Setting)))
{
    app.Services.GetRequiredService<ILogger<Gate>>().NobodyHasAKey(FirstKey.Setting);
}

await app.RunAsync();

string? Setting(string name) => builder.Configuration[name] is { Length: > 0 } value ? value : null;

string Needed(string name) => Setting(name) ?? throw new InvalidOperationException($"the setting {name} is missing");
#endif
